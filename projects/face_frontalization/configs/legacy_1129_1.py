"""29 November, 1: feature loss only.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/november.py']

model = dict(loss_weights=dict(l1=0.0))
