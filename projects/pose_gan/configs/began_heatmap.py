"""BEGAN on maps of head, body and feet, at half the rate.

Needs:   part maps (data_roots.part_maps).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/began.py']

optim_wrapper = dict(G=dict(lr=4e-5), D=dict(lr=4e-5))
train_cfg = dict(stages=[dict(iters=71000, **_base_.half_rate)])
train_dataloader = dict(real=dict(dataset=dict(**_base_.part_maps, transforms=[_base_.squash])))
