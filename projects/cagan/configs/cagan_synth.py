"""CAGAN on the built-in rendered people, which have ground truth of every swap.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  projects/cagan/README.md, at iteration 800.
Cost:    0.3 s an iteration at best on one thread of a shared machine, so 6 minutes or more.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.cagan.cagan'])

# ---- model: a quarter of the published width ----
model = dict(
    type='CAGAN',
    networks=dict(
        G=dict(type='CAGANGenerator', base_dim=16),
        D=dict(type='CAGANDiscriminator', base_dim=16)),
    gan_loss=dict(type='GANLoss', mode='bce_prob'),
    loss_weights=dict(adv=1.0, mismatch=1.0, cycle_adv=1.0, cycle=1.0, id=0.1, idt=0.0))

# ---- optimisation: five times the published rate, for a short training ----
adam = dict(type='Adam', lr=1e-3, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    D=dict(networks=['D'], **adam),
    G=dict(networks=['G'], **adam))

# ---- stages, in iterations of 4 persons: D ahead at first, or alpha falls to 0 at once ----
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='discriminator', iters=100, phases=['D']),
        dict(name='swap', iters=1000)])
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=200),
    grid=dict(type='TranslationGridHook', interval=200, loaders=('pairs',)))

# ---- data: persons whose nose is seen ----
people = dict(type='SyntheticGarments', domain='synth_a', root='{synthetic}', size=(128, 64))
train_dataloader = dict(pairs=dict(
    batch_size=4, collate_fn=dict(type='default_collate'), sampler=dict(type='ShuffleSampler'),
    dataset=dict(**people, split='train')))

# ---- evaluation: evaluate.py ----
test_dataset = dict(**people, split='test')
