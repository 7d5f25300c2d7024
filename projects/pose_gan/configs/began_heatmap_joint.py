"""BEGAN on heatmaps of three joints, at half the rate.

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/began.py']

optim_wrapper = dict(G=dict(lr=4e-5), D=dict(lr=4e-5))
train_cfg = dict(stages=[dict(iters=71000, **_base_.half_rate)])
train_dataloader = dict(real=dict(dataset=dict(**_base_.joints)))
