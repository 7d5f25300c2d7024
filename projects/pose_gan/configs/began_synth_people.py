"""BEGAN on the rendered people, 64 x 32, with gamma 0.5.

An eighth of the channels of BEGAN-tensorflow, and 2.5 times its rate, not halved.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  KID 888, rho 0.43: pale ghosts (docs/results/pose_gan.md).
Cost:    half an hour of one CPU core, rendering apart.
"""
_base_ = ['./_base_/began.py', './_base_/synth.py']

began = dict(image_size=(64, 32), base_size=(8, 4), base_dim=16)
model = dict(networks=dict(G=began, D=began))
optim_wrapper = dict(G=dict(lr=2e-4), D=dict(lr=2e-4))
train_cfg = dict(stages=[dict(name='gan', iters=4500, loaders=['real'])])
train_dataloader = dict(real=dict(num_workers=1, dataset=_base_.synth_people))
