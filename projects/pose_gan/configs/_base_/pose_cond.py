"""Pictures of people to maps of their poses, or back, as pix2pix (Isola et al., CVPR 2017).

PoseGAN ended with such models: BCE + 100 L1, batches of 16, a rate of 2e-4. A config names the data
set with its pose maps; `model.direction` says which way.
"""
_base_ = ['data.py']

model = dict(
    type='PoseTranslation',
    networks=dict(G=dict(type='UNetGenerator'), D=dict(type='PatchGAN')),
    direction='to_maps',
    loss_weights={'adv': 1.0, 'D/adv': 0.5, 'l1': 100.0})

adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam))

train_cfg = dict(type='StagedTrainLoop')
default_hooks = dict(
    checkpoint=dict(interval=500),
    grid=dict(type='TranslationGridHook', interval=500, num_images=8, loaders=['real']))
train_dataloader = dict(real=dict(batch_size=16, **_base_.loader))
