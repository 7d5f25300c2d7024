"""DCGAN on the rendered people, 64 x 32.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  KID 298, rho 0.97: persons (docs/results/pose_gan.md).
Cost:    half an hour of one CPU core, rendering apart.
"""
_base_ = ['./_base_/dcgan.py', './_base_/synth.py']

size = dict(image_size=(64, 32), base_dim=32)
model = dict(networks=dict(G=size, D=size))
train_cfg = dict(stages=[dict(name='gan', iters=4000, loaders=['real'])])
train_dataloader = dict(real=dict(num_workers=1, dataset=_base_.synth_people))
