"""StarGAN between the six winter cameras of the rendered people, sized for two CPU cores.

Pictures of 128 x 64, generator of 24 instead of 64 channels with four blocks that doubles by
nearest neighbours, discriminator of 24 instead of 64 channels with five halvings, two discriminator
steps instead of five, three times the rate. The identity term, which the paper has not, keeps the
colours of clothes: without it this training turned some into their opposite.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  README.md.   Cost: README.md.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.stargan_camstyle.stargan_camstyle'])

# ---- model ----
model = dict(
    type='StarGAN',
    discriminator_steps=2,
    networks=dict(
        G=dict(type='CameraGenerator', num_cameras=6, base_dim=24, num_blocks=4,
               upsample='nearest'),
        D=dict(type='CameraDiscriminator', num_cameras=6, image_size=(128, 64), base_dim=24,
               num_layers=5)),
    loss_weights=dict(adv=1.0, gp=10.0, camera=1.0, recon=10.0, idt=10.0))

# ---- optimisation ----
adam = dict(type='Adam', lr=3e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam))

# ---- stages, in iterations of 16 images ----
fall = dict(linear_from=1000)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='cameras', iters=2000, lr=dict(G=fall, D=fall))])
default_hooks = dict(
    checkpoint=dict(interval=500),
    grid=dict(type='TranslationGridHook', interval=250, loaders=['target']))

# ---- data ----
train_dataloader = dict(target=dict(
    batch_size=16, num_workers=1, collate_fn=dict(type='default_collate'),
    sampler=dict(type='ShuffleSampler'),
    dataset=dict(
        **_base_.synth_b, split='train', labelled=False,
        transforms=[dict(type='ResizeRandomCrop', enlarged=(144, 72), size=(128, 64)),
                    dict(type='RandomFlip', prob=0.5)])))
