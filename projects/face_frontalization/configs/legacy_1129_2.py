"""29 November, 2: feature loss only, weight decay.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/november.py']

model = dict(loss_weights=dict(l1=0.0))
optim_wrapper = dict(G=dict(weight_decay=1e-3))    # the log has no number
