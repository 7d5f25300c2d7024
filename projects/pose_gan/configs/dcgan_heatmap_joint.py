"""DCGAN on heatmaps of three joints, 64 x 64, in batches of 32.

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/dcgan.py']

size = dict(image_size=(64, 64))
model = dict(networks=dict(G=size, D=size))
train_cfg = dict(stages=[dict(name='gan', iters=150000, loaders=['real'])])
train_dataloader = dict(real=dict(dataset=dict(**_base_.joints)))
