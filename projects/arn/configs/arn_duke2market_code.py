"""ARN as in the authors' code: the domains share layers up to layer3, and images are restored.

E_T, E_C and E_S are each a layer4 of their own. One rate, a weight of 0.1 for all losses, and
MMD. L_diff is not theirs, whose scalar product of the parts has no lower bound.

Needs:   as arn_duke2market.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./arn_duke2market.py']

# ---- model ----
layer4 = dict(_delete_=True, type='TrunkPart', trunk='resnet50', part='last', weights='imagenet')
model = dict(
    data_preprocessor=dict(type='BatchNormalizer', mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    networks=dict(
        E_I=dict(part='first'), E_T=layer4, E_C=layer4, E_S=layer4,
        D_C=dict(_delete_=True, type='ImageDecoder', in_channels=2048, dims=(1024, 512, 256, 64))),
    contrast=dict(_delete_=True, type='CodeContrast', margin=2.0),
    recon=dict(distance='absolute', per='pixel'),
    diff=dict(form='pair'),                          # in [0, 1], for a weight as of the others
    loss_weights=dict(identity=0.1, contrast=0.1, recon=0.1, diff=0.1, mmd=0.1))

# ---- optimisation ----
optim_wrapper = dict(I=dict(lr=1e-3), C=dict(lr=1e-3))

# ---- stages ----
train_cfg = dict(stages=[
    dict(name='arn', iters=51600, loaders=['source', 'target'], eval_every=5160)])
