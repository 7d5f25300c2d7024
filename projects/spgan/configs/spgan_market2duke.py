"""SPGAN: Market-1501 -> DukeMTMC-reID and back, at the published sizes.

Deng et al. (CVPR 2018): five passes over the smaller set, one image a domain, a constant rate; at
256 x 128, as their later code has it, instead of 256 x 256. Their networks put a scale and an
offset into every instance norm (`affine=True` on the generators), which CycleGAN's do not have.

Needs:   data/market1501, data/dukemtmc.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.spgan.spgan'])

source, target = _base_.market1501, _base_.dukemtmc

# ---- model ----
generator = dict(type='ResNetGenerator', base_dim=64, num_blocks=9)
discriminator = dict(type='PatchGAN', base_dim=64, num_layers=3)
model = dict(
    type='SPGAN',
    networks=dict(G=generator, F=generator, D_s=discriminator, D_t=discriminator,
                  M=dict(type='SiaNet', image_size=(256, 128))),
    pool=dict(image_size=(256, 128), size=50),
    contrast=dict(type='SiameseContrast', mode='mixed', margin=2.0),
    loss_weights={'adv': 1.0, 'D/adv': 0.5, 'cycle': 10.0, 'idt': 5.0, 'con': 2.0,
                  'M/con': 1.0})

# ---- optimisation ----
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G', 'F'], **adam),
    D=dict(networks=['D_s', 'D_t'], **adam),
    M=dict(networks=['M'], **adam))

# ---- stages, in iterations of one image a domain ----
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='translation', iters=64680)])    # 5 x 12936
default_hooks = dict(
    checkpoint=dict(interval=12936),
    grid=dict(type='TranslationGridHook', interval=4000))

# ---- data ----
augmented = [dict(type='ResizeRandomCrop', enlarged=(286, 144), size=(256, 128)),
             dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=1, num_workers=4, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
train_dataloader = dict(
    source=dict(**loader, dataset=dict(**source, split='train', transforms=augmented)),
    target=dict(**loader, dataset=dict(
        **target, split='train', labelled=False, transforms=augmented)))
