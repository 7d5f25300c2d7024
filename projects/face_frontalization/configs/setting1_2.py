"""Setting 1_2: WGAN-GP, layer norm in the critic, RMSProp for it.

Needs:   Multi-PIE (data_roots.multi_pie), ResNet-50 of VGGFace2 (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/gan.py']

model = dict(
    networks=dict(D=dict(norm='layer')),
    penalty=dict(kind='wgan_gp', reduction='sum'),
    loss_weights=dict(gp=10.0))
optim_wrapper = dict(D=dict(
    _delete_=True, networks=['D'], type='RMSprop', lr=2e-4, alpha=0.9,   # TensorFlow's decay
    weight_decay=1e-4))
train_cfg = dict(stages=[_base_.warm_up, _base_.one_step])
