"""DCGAN (Radford et al., ICLR 2016) as DCGAN-tensorflow has it: networks, rates, schedule.

A config names the size of the images (`model.networks`) and the data set. Recorded runs were ended
by hand after 2,000 to 150,000 iterations.
"""
_base_ = ['data.py']

model = dict(
    type='UnconditionalGAN',
    networks=dict(
        G=dict(type='DCGANGenerator', latent_dim=128),
        D=dict(type='DCGANDiscriminator')),
    gan=dict(g_steps=2, reuse_z=True),
    loss_weights=dict(adv=1.0))

adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam))

train_cfg = dict(
    type='StagedTrainLoop', stages=[dict(name='gan', iters=100000, loaders=['real'])])
default_hooks = dict(
    checkpoint=dict(interval=500),
    grid=dict(type='TranslationGridHook', interval=500, num_images=4, loaders=['real']))

train_dataloader = dict(real=dict(batch_size=32, **_base_.loader))
