"""BEGAN on heatmaps of three joints of the rendered people, 32 x 32, at half the rate.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  fails, k = 0 (docs/results/pose_gan.md).
Cost:    half an hour of one CPU core, rendering apart.
"""
_base_ = ['./_base_/began.py', './_base_/synth.py']

began = dict(image_size=(32, 32), base_dim=16)
model = dict(networks=dict(G=began, D=began))
optim_wrapper = dict(G=dict(lr=1e-4), D=dict(lr=1e-4))
train_cfg = dict(stages=[dict(name='gan', iters=10400, loaders=['real'])])
train_dataloader = dict(real=dict(num_workers=1, dataset=_base_.synth_joints))
