"""Smoke test of DCGAN: four iterations of tiny networks on figures drawn in memory.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['./_base_/dcgan.py']

size = dict(image_size=(16, 8), base_dim=4, num_stages=2)
model = dict(networks=dict(G=size, D=size))
train_cfg = dict(stages=[dict(name='gan', iters=4, loaders=['real'])])
default_hooks = dict(logger=dict(interval=1), grid=dict(interval=4))
train_dataloader = dict(real=dict(batch_size=4, num_workers=0, dataset=dict(
    type='ShapesReID', num_identities=4, size=(16, 8), labelled=False)))
