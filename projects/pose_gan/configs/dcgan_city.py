"""DCGAN on street pictures of 128 x 256.

Needs:   street pictures (data_roots.city).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/dcgan.py']

size = dict(image_size=(128, 256))
model = dict(networks=dict(G=size, D=size))
train_dataloader = dict(real=dict(dataset=dict(**_base_.city, transforms=[
    dict(type='Resize', size=(128, 256))])))
