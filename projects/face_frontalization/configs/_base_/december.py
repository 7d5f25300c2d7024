"""Frontalization by a GAN on pairs: the VGG-16 program of December 2017.

BCE, the discriminator beside the profile; L1 : feature : GAN as 1 : 0.1 : 0.01; an epoch of L1
alone, then two steps of G for one of D. A config restates what differs.
"""
_base_ = ['data.py']

model = dict(
    type='FaceFrontalizer',
    networks=dict(
        E=_base_.vgg16,
        G=dict(type='DecemberDecoder'),
        D=dict(type='DecemberDiscriminator', in_channels=6)),
    gan_loss=dict(mode='bce'),
    d_input='pair',
    reals='own',
    loss_weights={'l1': 1.0, 'fea': 0.1, 'adv': 0.01, 'D/adv': 1.0})

adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.9))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam))

gan = dict(name='gan', iters=11200, every=dict(D=2))
train_cfg = dict(type='StagedTrainLoop', stages=[
    dict(name='texture', iters=2800, phases=['G'], loss_weights=dict(fea=0.0, adv=0.0)),
    gan])
default_hooks = dict(
    checkpoint=dict(interval=500),
    grid=dict(type='TranslationGridHook', interval=400, num_images=8, loaders=['profile']))

train_dataloader = dict(
    profile=dict(batch_size=5, dataset=_base_.pairs, **_base_.loader))
