"""Setting 1_2 on the rendered faces: WGAN-GP, no pixel loss, 112 x 112.

Needs:   nothing but the encoder of face_encoder_synth.py (data_roots.face_encoder).
Result:  L1 26.0 of 255 at 60 degrees and more, profiles 44.4; rank-1 21.9, profiles 42.8 (seed 0).
Cost:    some 25 minutes of a CPU core.
"""
_base_ = ['./setting1_2.py', './_base_/rendered.py']

model = dict(
    networks=dict(E=_base_.rendered_encoder, G=_base_.rendered_G, D=_base_.rendered_D),
    # 500 as published; set from lengths of gradients early in training
    loss_weights=dict(fea=5.0))
optim_wrapper = dict(G=dict(lr=1e-3), D=dict(lr=5e-4))
train_cfg = dict(stages=[
    dict(name='warm_up', iters=100, every=dict(G=25)), dict(name='gan', iters=2500)])
default_hooks = _base_.rendered_hooks
train_dataloader = _base_.rendered_train_dataloader
test_dataset = _base_.rendered_test_dataset
