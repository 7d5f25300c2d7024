"""DCGAN on coarse street pictures in their own shape, 256 x 512, as PoseGAN's program had them.

Needs:   the coarse pictures of Cityscapes, at a quarter (data_roots.city_coarse).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./dcgan_city_coarse.py']

size = dict(image_size=(256, 512))
model = dict(networks=dict(G=size, D=size))
train_dataloader = dict(real=dict(dataset=dict(transforms=[
    dict(type='Resize', size=(256, 512))])))
