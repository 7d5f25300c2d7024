"""Smoke test of CycleGAN: two iterations of tiny networks on figures drawn in memory.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['../../../configs/_base_/runtime.py']
custom_imports = dict(imports=['projects.cyclegan.cyclegan'])

shapes = dict(type='ShapesReID', num_identities=4, images_per_identity=2, size=(64, 32))

# ---- model ----
generator = dict(type='ResNetGenerator', base_dim=8, num_blocks=2)
discriminator = dict(type='PatchGAN', base_dim=8, num_layers=2)
model = dict(
    type='CycleGAN',
    networks=dict(G=generator, F=generator, D_s=discriminator, D_t=discriminator),
    pool=dict(image_size=(64, 32), size=2),
    loss_weights={'adv': 1.0, 'D/adv': 0.5, 'cycle': 10.0, 'idt': 5.0})

# ---- optimisation ----
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G', 'F'], **adam),
    D=dict(networks=['D_s', 'D_t'], **adam))

# ---- stages ----
fall = dict(linear_from=0)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='translation', iters=2, lr=dict(G=fall, D=fall))])
default_hooks = dict(
    logger=dict(interval=1),
    grid=dict(type='TranslationGridHook', interval=2, num_images=4))

# ---- data ----
augmented = [dict(type='ResizeRandomCrop', enlarged=(72, 36), size=(64, 32)),
             dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=2, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
train_dataloader = dict(
    source=dict(**loader, dataset=dict(
        **shapes, domain='a', split='train', transforms=augmented)),
    target=dict(**loader, dataset=dict(
        **shapes, domain='b', split='train', labelled=False, transforms=augmented)))
