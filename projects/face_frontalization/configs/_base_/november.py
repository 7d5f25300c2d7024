"""Frontalization without a GAN: the VGG-16 program of November 2017.

A config names data, rate, the ratio of L1 (of pixels in 0..255) to the feature loss, weight decay
and batch size. Five passes; the log has no numbers of iterations.
"""
_base_ = ['data.py']

model = dict(
    type='FaceFrontalizer',
    networks=dict(E=_base_.vgg16, G=dict(type='NovemberDecoder', fc1_bn=False)),
    pixel_loss=dict(value_range=255),
    loss_weights=dict(fea=1.0, l1=1.0))

optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], type='Adam', lr=1e-3))

train_cfg = dict(
    type='StagedTrainLoop', stages=[dict(name='generator', iters=18750)])    # of 120,000 faces
setting1 = [dict(name='generator', iters=4375)]                              # of 14,000 faces
default_hooks = dict(
    checkpoint=dict(interval=500),
    grid=dict(type='TranslationGridHook', interval=400, num_images=8, loaders=['profile']))

train_dataloader = dict(
    profile=dict(batch_size=32, dataset=_base_.session01_pairs, **_base_.loader))
