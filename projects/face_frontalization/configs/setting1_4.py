"""Setting 1_4: WGAN-GP2, five critics of regions of the face, one size.

Needs:   Multi-PIE (data_roots.multi_pie), ResNet-50 of VGGFace2 (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/gan.py']

model = dict(
    networks=dict(
        G=dict(_delete_=True, type='SingleScaleDecoder'),
        D=dict(_delete_=True, type='RegionDiscriminator', norm='layer')),
    penalty=dict(kind='wgan_gp', reduction='sum'),
    joint_penalty=True,
    loss_weights=dict(gp=10.0))
optim_wrapper = dict(
    G=dict(betas=(0.0, 0.9)),
    D=dict(betas=(0.0, 0.9), clip_weights=None))
train_cfg = dict(stages=[_base_.warm_up, _base_.one_step])
