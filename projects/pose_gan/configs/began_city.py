"""BEGAN on street pictures.

Needs:   street pictures (data_roots.city).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/began.py']

train_cfg = dict(stages=[dict(iters=290000, **_base_.stage)])
train_dataloader = dict(real=dict(dataset=dict(**_base_.city, transforms=[_base_.squash])))
