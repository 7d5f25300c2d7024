"""SPGAN on the built-in rendered people: summer cameras -> winter cameras and back.

Sized for two CPU cores: pictures of 128 x 64, generators of 24 instead of 64 channels with six
blocks, discriminators of 32 instead of 64 channels on patches of 34 pixels; the siamese
network has its full width, and three blocks. A few passes over these small sets do not train the
published generators: their instance norms leave bright spots, with or without the contrast. Here
generators translate a change of the image, and neither they nor the discriminators have a norm; as
that starts at the image itself, the adversarial terms weigh three times as much, and the rate is
5e-4 instead of 2e-4. Generators first learn to translate; the contrast comes in when they do and M
tells people apart, while the rate falls to 0.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  README.md.   Cost: README.md.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.spgan.spgan'])

source, target = _base_.synth_a, _base_.synth_b

# ---- model ----
generator = dict(type='ResNetGenerator', base_dim=24, num_blocks=6, upsample='nearest',
                 residual=True, norm=None)
discriminator = dict(type='PatchGAN', base_dim=32, num_layers=2, norm=None)
model = dict(
    type='SPGAN',
    networks=dict(G=generator, F=generator, D_s=discriminator, D_t=discriminator,
                  M=dict(type='SiaNet', image_size=(128, 64))),
    pool=dict(image_size=(128, 64), size=50),
    contrast=dict(type='SiameseContrast', mode='mixed', margin=2.0),
    loss_weights={'adv': 3.0, 'D/adv': 0.5, 'cycle': 10.0, 'idt': 5.0, 'con': 2.0,
                  'M/con': 1.0})

# ---- optimisation ----
adam = dict(type='Adam', lr=5e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G', 'F'], **adam),
    D=dict(networks=['D_s', 'D_t'], **adam),
    M=dict(networks=['M'], **adam))

# ---- stages, in iterations of one image a domain: 1.5 passes over synth_a, 300 with M, 1.5 ----
fall = dict(linear_from=0)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='translation', iters=1851, phases=['G', 'D'], loss_weights=dict(con=0.0)),
            dict(name='siamese', iters=300, loss_weights={'G/con': 0.0, 'M/con': 1.0}),
            dict(name='contrast', iters=1851, lr=dict(G=fall, D=fall))])
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
