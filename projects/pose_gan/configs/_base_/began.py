"""BEGAN (Berthelot et al., 2017) as BEGAN-tensorflow has it: networks, balance, rates, schedule.

A config names the data set and how long it is trained. Images of any shape are squashed to a
square. Adam's betas are those that the program had in effect; its flags say (0.5, 0.999).
"""
_base_ = ['data.py']

began = dict(image_size=(64, 64), latent_dim=64, base_dim=128)
model = dict(
    type='BEGAN',
    networks=dict(
        G=dict(type='BEGANGenerator', **began),
        D=dict(type='BEGANDiscriminator', **began)),
    equilibrium=dict(gamma=0.5, k_rate=0.001),
    gan=dict(update='joint'),
    loss_weights=dict(adv=1.0))

adam = dict(type='Adam', lr=8e-5, betas=(0.9, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam))

# halved every 100,000 iterations, not below 2e-5
fall = dict(every=100000, gamma=0.5, floor=0.25)
half_fall = dict(every=100000, gamma=0.5, floor=0.5)      # from 4e-5
stage = dict(name='gan', loaders=['real'], lr=dict(G=fall, D=fall))
half_rate = dict(name='gan', loaders=['real'], lr=dict(G=half_fall, D=half_fall))
train_cfg = dict(type='StagedTrainLoop')
default_hooks = dict(
    checkpoint=dict(interval=500),
    grid=dict(type='TranslationGridHook', interval=500, num_images=4, loaders=['real']))

squash = dict(type='Resize', size=(64, 64), mode='nearest')
train_dataloader = dict(real=dict(batch_size=16, **_base_.loader))
