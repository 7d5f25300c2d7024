"""Smoke test of CamStyle: two iterations of tiny networks on figures drawn in memory.

The copies are jittered instead of translated, so that no StarGAN is needed.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['../../../configs/_base_/runtime.py']
custom_imports = dict(imports=['projects.camstyle.camstyle'])

shapes = dict(type='ShapesReID', num_identities=4, images_per_identity=4, size=(64, 32))

# ---- model ----
model = dict(
    type='CamStyle', feature='pre_bn',
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', num_parts=1, embed_dim=None,
                 neck=False, weights=None),
        H=dict(type='EmbeddingHead', in_dim=1280, out_dim=32, slope=0.0, dropout=0.5,
               norm_std=0.0),
        C=dict(type='IdentityClassifier', in_dim=32, num_identities=4, bias=True)),
    copies_cross_entropy=dict(type='LabelSmoothCrossEntropy', epsilon=0.1),
    loss_weights=dict(identity=1.0, copies=1.0))

# ---- optimisation ----
sgd = dict(type='SGD', momentum=0.9, nesterov=True, weight_decay=5e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    E=dict(networks=['E_c'], lr=0.01, **sgd),
    H=dict(networks=['H', 'C'], lr=0.1, **sgd))

# ---- stages ----
fall = dict(milestones=[1], gamma=0.1)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='camstyle', iters=2, loaders=['identity', 'copies'], eval_every=2,
                 lr=dict(E=fall, H=fall))])
default_hooks = dict(logger=dict(interval=1))

# ---- data ----
resize = dict(type='Resize', size=(64, 32))
augmented = [dict(type='RandomRectCrop', size=(64, 32)), dict(type='RandomFlip', prob=0.5)]
loader = dict(collate_fn=dict(type='default_collate'), sampler=dict(type='ShuffleSampler'))
real = dict(**shapes, split='train', transforms=augmented)
train_dataloader = dict(
    identity=dict(**loader, batch_size=6, dataset=real),
    copies=dict(**loader, batch_size=2, dataset=dict(
        type='StyledReID', num_cameras=2, own_camera=False, dataset=real,
        jitter=[dict(type='ColorJitter', brightness=0.3, saturation=0.3)])))

# ---- evaluation ----
val_dataloader = dict(target=dict(
    batch_size=16, collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**shapes, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
