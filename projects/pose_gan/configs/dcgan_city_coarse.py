"""DCGAN on coarse street pictures, squashed to 256 x 256.

Needs:   the coarse pictures of Cityscapes, at a quarter (data_roots.city_coarse).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/dcgan.py']

size = dict(image_size=(256, 256))
model = dict(networks=dict(G=size, D=size))
train_dataloader = dict(real=dict(dataset=dict(**_base_.city_coarse, transforms=[
    dict(type='Resize', size=(256, 256))])))
