"""DCGAN on heatmaps of three joints in batches of 256 instead of 32, as many images in all.

Needs:   as dcgan_synth_joints.py.
Result:  not yet measured.   Cost: made for 30 minutes of two CPU cores, rendering apart.
"""
_base_ = ['./dcgan_synth_joints.py']

train_cfg = dict(stages=[dict(name='gan', iters=1300, loaders=['real'])])
default_hooks = dict(grid=dict(interval=100))
train_dataloader = dict(real=dict(batch_size=256))
