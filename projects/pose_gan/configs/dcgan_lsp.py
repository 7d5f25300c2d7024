"""DCGAN on sports people, crops of 256 x 256.

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/dcgan.py']

size = dict(image_size=(256, 256))
model = dict(networks=dict(G=size, D=size))
train_dataloader = dict(real=dict(dataset=dict(**_base_.people)))
