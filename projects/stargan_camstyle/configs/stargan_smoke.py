"""Smoke test of StarGAN camera style: two iterations of tiny networks on drawn figures.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['../../../configs/_base_/runtime.py']
custom_imports = dict(imports=['projects.stargan_camstyle.stargan_camstyle'])

# ---- model ----
model = dict(
    type='StarGAN',
    discriminator_steps=2,
    networks=dict(
        G=dict(type='CameraGenerator', num_cameras=2, base_dim=8, num_blocks=1),
        D=dict(type='CameraDiscriminator', num_cameras=2, image_size=(64, 32), base_dim=8,
               num_layers=4)),
    loss_weights=dict(adv=1.0, gp=10.0, camera=1.0, recon=10.0, idt=0.0))

# ---- optimisation ----
adam = dict(type='Adam', lr=1e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam))

# ---- stages ----
fall = dict(linear_from=1)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='cameras', iters=2, lr=dict(G=fall, D=fall))])
default_hooks = dict(
    logger=dict(interval=1),
    grid=dict(type='TranslationGridHook', interval=2, num_images=4, loaders=['target']))

# ---- data ----
train_dataloader = dict(target=dict(
    batch_size=4, collate_fn=dict(type='default_collate'), sampler=dict(type='ShuffleSampler'),
    dataset=dict(
        type='ShapesReID', domain='b', num_identities=4, images_per_identity=2, size=(64, 32),
        split='train', labelled=False,
        transforms=[dict(type='ResizeRandomCrop', enlarged=(72, 36), size=(64, 32)),
                    dict(type='RandomFlip', prob=0.5)])))
