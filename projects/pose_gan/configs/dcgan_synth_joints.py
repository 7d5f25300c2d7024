"""DCGAN on heatmaps of three joints of the rendered people, 32 x 32, in batches of 32.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  KID 99, rho 1.07: legs of three sharp joints (docs/results/pose_gan.md).
Cost:    half an hour of one CPU core, rendering apart.
"""
_base_ = ['./_base_/dcgan.py', './_base_/synth.py']

size = dict(image_size=(32, 32), base_dim=32, num_stages=3)
model = dict(networks=dict(G=size, D=size))
train_cfg = dict(stages=[dict(name='gan', iters=10400, loaders=['real'])])
train_dataloader = dict(real=dict(num_workers=1, dataset=_base_.synth_joints))
