"""29 November, 3: feature loss only, weight decay, batch norm after the linear layer.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/november.py']

model = dict(networks=dict(G=dict(fc1_bn=True)), loss_weights=dict(l1=0.0))
optim_wrapper = dict(G=dict(weight_decay=1e-3))    # the log has no number
