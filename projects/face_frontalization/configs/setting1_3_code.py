"""Setting 1_3 with the weights of the committed program: L1 : feature : GAN as 1 : 0.01 : 1.

Needs:   Multi-PIE (data_roots.multi_pie), ResNet-50 of VGGFace2 (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./setting1_3.py']

model = dict(loss_weights=dict(fea=0.01))
