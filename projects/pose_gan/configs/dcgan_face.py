"""DCGAN on faces of 218 x 178.

Needs:   CelebA, aligned (data_roots.faces).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/dcgan.py']

size = dict(image_size=(218, 178))
model = dict(networks=dict(G=size, D=size))
train_dataloader = dict(real=dict(dataset=dict(**_base_.faces, transforms=[
    dict(type='Resize', size=(218, 178))])))
