"""CycleGAN on the built-in rendered people: summer cameras -> winter cameras and back.

Sized for two CPU cores: pictures of 128 x 64, generators of 24 instead of 64 channels with six
blocks that double by nearest neighbours, discriminators of 32 instead of 64 channels on patches of
34 pixels.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  README.md.   Cost: README.md.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.cyclegan.cyclegan'])

source, target = _base_.synth_a, _base_.synth_b

# ---- model ----
generator = dict(type='ResNetGenerator', base_dim=24, num_blocks=6, upsample='nearest')
discriminator = dict(type='PatchGAN', base_dim=32, num_layers=2)
model = dict(
    type='CycleGAN',
    networks=dict(G=generator, F=generator, D_s=discriminator, D_t=discriminator),
    pool=dict(image_size=(128, 64), size=50),
    loss_weights={'adv': 1.0, 'D/adv': 0.5, 'cycle': 10.0, 'idt': 5.0})

# ---- optimisation ----
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G', 'F'], **adam),
    D=dict(networks=['D_s', 'D_t'], **adam))

# ---- stages, in iterations of one image a domain: 4 passes over synth_a, one at half the rate ----
fall = dict(linear_from=3702, unit=1234)         # to 1/2 of the rate in the last pass
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='translation', iters=6170, lr=dict(G=fall, D=fall))])
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
    source=dict(**loader, dataset=dict(**source, split='train', transforms=augmented)),
    target=dict(**loader, dataset=dict(
        **target, split='train', labelled=False, transforms=augmented)))
