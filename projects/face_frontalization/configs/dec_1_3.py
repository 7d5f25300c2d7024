"""December 1_3: dropout of 0.5 after the first two doublings.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/december.py']

model = dict(networks=dict(G=dict(dropout=0.5)))
