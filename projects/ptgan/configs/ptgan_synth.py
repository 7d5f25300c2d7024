"""PTGAN on the built-in rendered people: summer cameras -> winter cameras and back.

Sized for two CPU cores: pictures of 128 x 64, generators of 24 instead of 64 channels with six
blocks that double by nearest neighbours, discriminators of 32 instead of 64 channels on patches of
34 pixels.

Needs:   nothing; the people and their masks are rendered on first use (some minutes).
Result:  README.md.   Cost: README.md.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.ptgan.ptgan'])

source, target = _base_.synth_a, _base_.synth_b
mask = dict(type='DatasetMask')                   # exact, from the renderer

# ---- model ----
generator = dict(type='ResNetGenerator', base_dim=24, num_blocks=6, upsample='nearest')
discriminator = dict(type='PatchGAN', base_dim=32, num_layers=2)
model = dict(
    type='PTGAN',
    networks=dict(G=generator, F=generator, D_s=discriminator, D_t=discriminator),
    pool=dict(image_size=(128, 64), size=50),
    id_reduce='rms',
    loss_weights={'adv': 1.0, 'D/adv': 0.5, 'cycle': 10.0, 'idt': 0.0, 'foreground': 10.0})

# ---- optimisation ----
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G', 'F'], **adam),
    D=dict(networks=['D_s', 'D_t'], **dict(adam, lr=1e-4)))

# ---- stages, in iterations of one image a domain: 5 passes over synth_b ----
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='translation', iters=6000)])
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=500),
    grid=dict(type='TranslationGridHook', interval=500))

# ---- data ----
augmented = [dict(type='ResizeRandomCrop', enlarged=(143, 72), size=(128, 64)),
             dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=1, num_workers=1, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
train_dataloader = dict(
    source=dict(**loader, dataset=dict(
        **source, split='train', transforms=augmented, pose_map=mask)),
    target=dict(**loader, dataset=dict(
        **target, split='train', labelled=False, transforms=augmented,
        pose_map=mask)))
