"""Smoke test of HHL: two iterations of tiny networks on figures drawn in memory.

The copies are jittered instead of translated, so that no StarGAN is needed.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['../../../configs/_base_/runtime.py']
custom_imports = dict(imports=['projects.hhl.hhl'])

shapes = dict(type='ShapesReID', num_identities=4, images_per_identity=4, size=(64, 32))

# ---- model ----
model = dict(
    type='HHL',
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', num_parts=1, embed_dim=None,
                 neck=False, weights=None),
        H=dict(type='EmbeddingHead', in_dim=1280, out_dim=32, slope=0.0, dropout=0.0,
               norm_std=0.0),
        C=dict(type='IdentityClassifier', in_dim=32, num_identities=4, bias=True, dropout=0.5),
        T=dict(type='TripletLayer', in_dim=32, out_dim=16)),
    loss_weights=dict(identity=1.0, triplet=0.5))

# ---- optimisation ----
sgd = dict(type='SGD', momentum=0.9, nesterov=True, weight_decay=5e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    E=dict(networks=['E_c'], lr=0.01, **sgd),
    H=dict(networks=['H', 'C', 'T'], lr=0.1, **sgd))

# ---- stages ----
fall = dict(milestones=[1], gamma=0.1)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='hhl', iters=2, loaders=['identity', 'triplet', 'target'], eval_every=2,
                 lr=dict(E=fall, H=fall))])
default_hooks = dict(logger=dict(interval=1))

# ---- data ----
resize = dict(type='Resize', size=(64, 32))
augmented = [dict(type='RandomRectCrop', size=(64, 32)), dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=4, collate_fn=dict(type='default_collate'))
shuffled = dict(**loader, sampler=dict(type='ShuffleSampler'))
source = dict(**shapes, domain='a', split='train', transforms=augmented)
target = dict(**shapes, domain='b', split='train', labelled=False)
train_dataloader = dict(
    identity=dict(**shuffled, dataset=source),
    triplet=dict(**loader, dataset=source,
                 sampler=dict(type='IdentitySampler', num_identities=2, num_images=2)),
    target=dict(**shuffled, dataset=dict(
        type='CameraCopies', num_cameras=2, dataset=dict(**target, transforms=augmented),
        jitter=[dict(type='ColorJitter', brightness=0.3, saturation=0.3)])),
    adabn=dict(**shuffled, dataset=dict(**target, transforms=[resize])))

# ---- evaluation ----
val_dataloader = dict(target=dict(
    batch_size=16, collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**shapes, domain='b', split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='adabn', both=True)
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
