"""StarGAN between the eight cameras of DukeMTMC-reID, for HHL Market -> Duke.

Pictures are resized bilinearly, as StarGAN's code and HHL's do. The rate falls to 0 as StarGAN
states; stargan_duke_literal.py has the rate of the code that made HHL's published copies.

Needs:   data/dukemtmc.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.stargan_camstyle.stargan_camstyle'])

# ---- model ----
model = dict(
    type='StarGAN',
    discriminator_steps=5,
    networks=dict(
        G=dict(type='CameraGenerator', num_cameras=8, base_dim=64, num_blocks=6),
        D=dict(type='CameraDiscriminator', num_cameras=8, image_size=(256, 128), base_dim=64,
               num_layers=6)),
    loss_weights=dict(adv=1.0, gp=10.0, camera=1.0, recon=10.0, idt=0.0))

# ---- optimisation ----
adam = dict(type='Adam', lr=1e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam))

# ---- stages, in iterations of 16 images ----
fall = dict(linear_from=110000, unit=1000)       # by 1/110 of the rate each 1,000 iterations
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='cameras', iters=220000, lr=dict(G=fall, D=fall))])
default_hooks = dict(
    checkpoint=dict(interval=10000),
    grid=dict(type='TranslationGridHook', interval=1000, loaders=['target']))

# ---- data ----
train_dataloader = dict(target=dict(
    batch_size=16, num_workers=4, collate_fn=dict(type='default_collate'),
    sampler=dict(type='ShuffleSampler'),
    dataset=dict(
        **_base_.dukemtmc, split='train', labelled=False,
        transforms=[dict(type='BilinearResizeRandomCrop', enlarged=(288, 144), size=(256, 128)),
                    dict(type='RandomFlip', prob=0.5)])))
