"""Setting 1_3 on the rendered faces: LSGAN with L1 to the true frontal face, 112 x 112.

Needs:   nothing but the encoder of face_encoder_synth.py (data_roots.face_encoder).
Result:  L1 13.6 of 255 at 60 degrees and more, profiles 44.4; rank-1 35.4, profiles 42.8 (seed 0).
Cost:    some 20 minutes of a CPU core.
"""
_base_ = ['./setting1_3.py', './_base_/rendered.py']

model = dict(
    networks=dict(E=_base_.rendered_encoder, G=_base_.rendered_G, D=_base_.rendered_D),
    # 500, 1 and 1 as published; here gradients of all three are about as long in the face
    loss_weights=dict(fea=1.0, l1=200.0))
optim_wrapper = dict(G=dict(lr=1e-3), D=dict(lr=2e-4))
train_cfg = dict(stages=[dict(name='gan', iters=2500)])
default_hooks = _base_.rendered_hooks
train_dataloader = _base_.rendered_train_dataloader
test_dataset = _base_.rendered_test_dataset
