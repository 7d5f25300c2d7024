"""BEGAN on coarse street pictures.

Needs:   the coarse pictures of Cityscapes, at a quarter (data_roots.city_coarse).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/began.py']

train_cfg = dict(stages=[dict(iters=300000, **_base_.stage)])
train_dataloader = dict(real=dict(dataset=dict(**_base_.city_coarse, transforms=[_base_.squash])))
