"""Smoke test of ARN: two iterations a stage of tiny networks on figures drawn in memory.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['../../../configs/_base_/runtime.py']
custom_imports = dict(imports=['projects.arn.arn'])

shapes = dict(type='ShapesReID', num_identities=4, images_per_identity=4, size=(64, 32))

# ---- model ----
encoder = dict(type='ConvEncoder', in_channels=1280, map_size=(2, 1), dim=32, bottleneck=16)
model = dict(
    type='ARN',
    networks=dict(
        E_I=dict(type='TrunkPart', trunk='mobilenet_v2', part='all', weights=None),
        E_T=encoder, E_C=encoder, E_S=encoder,
        D_C=dict(type='MapDecoder', in_channels=32, out_channels=1280, map_size=(2, 1),
                 bottleneck=16),
        C_S=dict(type='IdentityClassifier', in_dim=32, num_identities=4, bias=True, dropout=0.5)),
    loss_weights=dict(identity=1.0, contrast=0.01, recon=2.0, diff=1500.0))

# ---- optimisation ----
sgd = dict(type='SGD', momentum=0.9, weight_decay=5e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    I=dict(networks=['E_I'], lr=1e-3, **sgd),
    E=dict(networks=['E_T', 'E_C', 'E_S', 'D_C'], lr=1e-3, **sgd),
    C=dict(networks=['C_S'], lr=2e-3, **sgd))

# ---- stages ----
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='new_parts', iters=2, loaders=['source', 'target'], frozen=['E_I']),
        dict(name='arn', iters=2, loaders=['source', 'target'], eval_every=2)])
default_hooks = dict(logger=dict(interval=1))

# ---- data ----
resize = dict(type='Resize', size=(64, 32))
augmented = [resize, dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=6, collate_fn=dict(type='default_collate'))
train_dataloader = dict(
    source=dict(**loader, sampler=dict(type='IdentitySampler', num_identities=3, num_images=2),
                dataset=dict(**shapes, domain='a', split='train', transforms=augmented)),
    target=dict(**loader, sampler=dict(type='ShuffleSampler'), dataset=dict(
        **shapes, domain='b', split='train', transforms=augmented, labelled=False)),
    adabn=dict(**loader, sampler=dict(type='ShuffleSampler'), dataset=dict(    # for AdaBN alone
        **shapes, domain='b', split='train', transforms=[resize], labelled=False)))

# ---- evaluation ----
val_dataloader = dict(target=dict(
    batch_size=16, collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**shapes, domain='b', split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='adabn', both=True)
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
