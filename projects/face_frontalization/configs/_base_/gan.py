"""Frontalization by a GAN: the program of January 2018, its default line (WGAN).

A config names objective, networks, weights and the number of critic steps. Batches of 5; an epoch
is 2,800 iterations of the generator, of which there are five epochs. In the first 25 the critic
steps 25 times, each on a batch of its own: iterations here are those of the critic.
"""
_base_ = ['data.py']

model = dict(
    type='FaceFrontalizer',
    networks=dict(
        E=_base_.resnet50,
        G=dict(type='MultiScaleDecoder'),
        D=dict(type='MultiScaleFaceDiscriminator', norm='batch')),
    gan_loss=dict(mode='wgan'),
    # of D half the mean over its heads, as in the program
    loss_weights={'fea': 500.0, 'adv': 1.0, 'D/adv': 0.5})

adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.9), weight_decay=1e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], clip_weights=0.01, **adam))

warm_up = dict(name='warm_up', iters=625, every=dict(G=25))
five_steps = dict(name='gan', iters=69875, every=dict(G=5))
one_step = dict(name='gan', iters=13975)
train_cfg = dict(type='StagedTrainLoop', stages=[warm_up, five_steps])
default_hooks = dict(
    checkpoint=dict(interval=500),
    grid=dict(type='TranslationGridHook', interval=400, num_images=8, loaders=['profile']))

train_dataloader = dict(
    profile=dict(batch_size=5, dataset=_base_.profiles, **_base_.loader),
    front=dict(batch_size=5, dataset=_base_.fronts, **_base_.loader))
