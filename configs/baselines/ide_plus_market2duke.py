"""IDE+: batch norm of the trunk keeps ImageNet's statistics, and a tenth of the learning rates.

Needs:   as ide_market2duke.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./ide_market2duke.py']

model = dict(networks=dict(E_c=dict(frozen_bn='stats')))
optim_wrapper = dict(E=dict(lr=0.001), H=dict(lr=0.01))
