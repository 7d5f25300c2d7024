"""28 November: L1 and feature loss 1 : 1, rate 0.01, relu7 in place of fc7.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/november.py']

optim_wrapper = dict(G=dict(lr=0.01))
