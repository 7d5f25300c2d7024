"""Setting 1_3: LSGAN with L1 to the true frontal face.

Needs:   Multi-PIE (data_roots.multi_pie), ResNet-50 of VGGFace2 (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/gan.py']

model = dict(gan_loss=dict(mode='lsgan'), loss_weights=dict(l1=1.0))
optim_wrapper = dict(D=dict(clip_weights=None))
train_cfg = dict(stages=[_base_.warm_up, _base_.one_step])
train_dataloader = dict(profile=dict(dataset=dict(_delete_=True, **_base_.pairs)))
