"""DCGAN on heatmaps of three joints in batches of 256 instead of 32, as many images in all.

Needs:   as dcgan_synth_joints.py.
Result:  KID 417, rho 1.59: smeared joints (docs/results/pose_gan.md).
Cost:    half an hour of one CPU core, rendering apart.
"""
_base_ = ['./dcgan_synth_joints.py']

train_cfg = dict(stages=[dict(name='gan', iters=1300, loaders=['real'])])
default_hooks = dict(grid=dict(interval=100))
train_dataloader = dict(real=dict(batch_size=256))
