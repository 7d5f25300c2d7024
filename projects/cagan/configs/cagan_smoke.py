"""Smoke test of CAGAN: two iterations of a tiny model on figures drawn in memory.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['../../../configs/_base_/runtime.py']
custom_imports = dict(imports=['projects.cagan.cagan'])

# ---- model ----
model = dict(
    type='CAGAN',
    networks=dict(
        G=dict(type='CAGANGenerator', base_dim=8),
        D=dict(type='CAGANDiscriminator', base_dim=8)),
    gan_loss=dict(type='GANLoss', mode='bce_prob'),
    loss_weights=dict(adv=1.0, mismatch=1.0, cycle_adv=1.0, cycle=1.0, id=0.1, idt=0.0))

# ---- optimisation ----
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    D=dict(networks=['D'], **adam),
    G=dict(networks=['G'], **adam))

# ---- stages ----
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='swap', iters=2)])
default_hooks = dict(
    logger=dict(interval=1),
    grid=dict(type='TranslationGridHook', interval=2, num_images=4, loaders=('pairs',)))

# ---- data ----
train_dataloader = dict(pairs=dict(
    batch_size=4, collate_fn=dict(type='default_collate'), sampler=dict(type='ShuffleSampler'),
    dataset=dict(type='ShapesGarments', num_persons=8, size=(64, 32))))

# ---- evaluation: evaluate.py ----
test_dataset = dict(type='ShapesGarments', num_persons=8, split='test', size=(64, 32))
