"""PTGAN: Market-1501 -> DukeMTMC-reID and back, at the published sizes.

Wei et al. (CVPR 2018): 40 passes over the larger set, one image a domain, a constant rate, half of
it for the discriminators; at 256 x 128 instead of 256 x 256. The paper leaves open how it averages
the foreground term; see README.md for the literal reading.

Needs:   data/market1501, data/dukemtmc, and a mask for every training image
         (`python projects/ptgan/segment.py`, or PNG files of your own).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.ptgan.ptgan'])

data_roots = dict(mask='data/mask')
source, target = _base_.market1501, _base_.dukemtmc

# ---- model ----
generator = dict(type='ResNetGenerator', base_dim=64, num_blocks=9)
discriminator = dict(type='PatchGAN', base_dim=64, num_layers=3)
model = dict(
    type='PTGAN',
    networks=dict(G=generator, F=generator, D_s=discriminator, D_t=discriminator),
    pool=dict(image_size=(256, 128), size=50),
    id_reduce='rms',
    loss_weights={'adv': 1.0, 'D/adv': 0.5, 'cycle': 10.0, 'idt': 0.0, 'foreground': 10.0})

# ---- optimisation ----
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G', 'F'], **adam),
    D=dict(networks=['D_s', 'D_t'], **dict(adam, lr=1e-4)))

# ---- stages, in iterations of one image a domain ----
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='translation', iters=660880)])    # 40 x 16522
default_hooks = dict(
    checkpoint=dict(interval=16522),
    grid=dict(type='TranslationGridHook', interval=4000))

# ---- data ----
augmented = [dict(type='ResizeRandomCrop', enlarged=(286, 144), size=(256, 128)),
             dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=1, num_workers=4, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
train_dataloader = dict(
    source=dict(**loader, dataset=dict(
        **source, split='train', transforms=augmented,
        pose_map=dict(type='MaskFolder', root='{mask}/market1501'))),
    target=dict(**loader, dataset=dict(
        **target, split='train', labelled=False, transforms=augmented,
        pose_map=dict(type='MaskFolder', root='{mask}/dukemtmc'))))
