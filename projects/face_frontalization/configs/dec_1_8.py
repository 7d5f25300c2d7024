"""December 1_8: LSGAN on patches.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/december.py']

model = dict(networks=dict(D=dict(patch=True)), gan_loss=dict(mode='lsgan'))
