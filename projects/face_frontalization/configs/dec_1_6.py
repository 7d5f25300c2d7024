"""December 1_6: L1 : feature : GAN as 1 : 0.03 : 0.01.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/december.py']

model = dict(loss_weights=dict(fea=0.03))
