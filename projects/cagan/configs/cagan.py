"""CAGAN on MPV, the published size: 128 x 96, 64 channels, batches of 16.

Needs:   data/mpv with all_poseA_poseB_clothes.txt and all/ (the pictures, 256 x 192).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../../../configs/_base_/runtime.py']
custom_imports = dict(imports=['projects.cagan.cagan'])
data_roots = dict(mpv='data/mpv')

# ---- model ----
model = dict(
    type='CAGAN',
    networks=dict(
        G=dict(type='CAGANGenerator', base_dim=64, inject='xi_yj', head='bounded'),
        D=dict(type='CAGANDiscriminator', base_dim=64)),
    gan_loss=dict(type='GANLoss', mode='bce_prob'),
    id_loss=dict(reduction='mean', passes='both'),
    loss_weights=dict(adv=1.0, mismatch=1.0, cycle_adv=1.0, cycle=1.0, id=0.1, idt=0.0))

# ---- optimisation ----
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    D=dict(networks=['D'], **adam),
    G=dict(networks=['G'], **adam))

# ---- stages, in iterations of 16 persons ----
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='swap', iters=200000)])
default_hooks = dict(
    checkpoint=dict(interval=5000),
    grid=dict(type='TranslationGridHook', interval=500, loaders=('pairs',)))

# ---- data: persons enlarged by (20, 15) pixels and cut out; (256, 192) is the files' own size ----
garments = dict(type='MPV', root='{mpv}', layout='list', size=(128, 96))
train_dataloader = dict(pairs=dict(
    batch_size=16, num_workers=4, collate_fn=dict(type='default_collate'),
    sampler=dict(type='ShuffleSampler'), dataset=dict(**garments, split='train')))
test_dataset = dict(**garments, split='test')
