"""BEGAN on sports people.

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/began.py']

train_cfg = dict(stages=[dict(iters=212000, **_base_.stage)])
train_dataloader = dict(real=dict(dataset=dict(**_base_.people, transforms=[_base_.squash])))
