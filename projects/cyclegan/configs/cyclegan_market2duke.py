"""CycleGAN: Market-1501 -> DukeMTMC-reID and back, at the published sizes.

Networks of Zhu et al. (ICCV 2017); 50 passes of which 20 fall, as CamStyle (Zhong et al., CVPR
2018) trains it for re-identification; a pass is the larger set's.

Needs:   data/market1501, data/dukemtmc.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.cyclegan.cyclegan'])

source, target = _base_.market1501, _base_.dukemtmc

# ---- model ----
generator = dict(type='ResNetGenerator', base_dim=64, num_blocks=9)
discriminator = dict(type='PatchGAN', base_dim=64, num_layers=3)
model = dict(
    type='CycleGAN',
    networks=dict(G=generator, F=generator, D_s=discriminator, D_t=discriminator),
    pool=dict(image_size=(256, 128), size=50),
    loss_weights={'adv': 1.0, 'D/adv': 0.5, 'cycle': 10.0, 'idt': 5.0})

# ---- optimisation ----
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G', 'F'], **adam),
    D=dict(networks=['D_s', 'D_t'], **adam))

# ---- stages, in iterations of one image a domain ----
fall = dict(linear_from=479138, unit=16522)      # from pass 31 of 50 on, to 1/21 in the last
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='translation', iters=826100, lr=dict(G=fall, D=fall))])
default_hooks = dict(
    checkpoint=dict(interval=16522),
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
