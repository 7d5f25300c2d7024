"""The variant of the authors' code on the rendered people: images are restored, not maps.

The domains share MobileNetV2 up to its last halving; E_T, E_C and E_S are each a copy of the rest.
Weights and forms of the losses as arn_duke2market_code.py.

Needs:   as arn_synth.py.
Result:  not yet measured.   Cost: made for 15 minutes of one CPU core, rendering apart.
"""
_base_ = ['./arn_synth.py']

# ---- model ----
last = dict(_delete_=True, type='TrunkPart', trunk='mobilenet_v2', part='last',
            weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None])
model = dict(
    data_preprocessor=dict(type='BatchNormalizer', mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    networks=dict(
        E_I=dict(part='first'), E_T=last, E_C=last, E_S=last,
        D_C=dict(_delete_=True, type='ImageDecoder', in_channels=1280, dims=(128, 64, 32, 16)),
        C_S=dict(in_dim=1280)),
    contrast=dict(_delete_=True, type='CodeContrast', margin=2.0),
    recon=dict(type='ReconstructionLoss', distance='absolute', per='pixel'),
    diff=dict(form='pair'),
    loss_weights=dict(identity=0.1, contrast=0.1, recon=0.1, diff=0.1, mmd=0.1))

# ---- optimisation: one rate ----
optim_wrapper = dict(C=dict(lr=3.5e-4))

# ---- stages ----
fall = dict(milestones=[430], gamma=0.1)
train_cfg = dict(stages=[
    dict(name='arn', iters=600, loaders=['source', 'target'], eval_every=600,
         lr=dict(I=fall, E=fall, C=fall))])
