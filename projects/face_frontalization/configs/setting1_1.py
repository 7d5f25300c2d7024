"""Setting 1_1: WGAN with L1 to the true frontal face.

Needs:   Multi-PIE (data_roots.multi_pie), ResNet-50 of VGGFace2 (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/gan.py']

model = dict(loss_weights=dict(l1=1.0))
train_dataloader = dict(profile=dict(dataset=dict(_delete_=True, **_base_.pairs)))
