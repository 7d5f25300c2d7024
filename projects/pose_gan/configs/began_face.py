"""BEGAN on faces: the middle 128 x 128, shrunk to 64 x 64.

Needs:   CelebA, aligned (data_roots.faces).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/began.py']

train_cfg = dict(stages=[dict(iters=30000, **_base_.stage)])
train_dataloader = dict(real=dict(dataset=dict(**_base_.faces, transforms=[
    dict(type='Crop', size=(128, 128), corner=(50, 25)), _base_.squash])))
