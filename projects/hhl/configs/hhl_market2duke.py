"""HHL, Market-1501 (labelled) -> DukeMTMC-reID (unlabelled), at the published sizes.

Needs:   data/market1501, data/dukemtmc with the copies of StarGAN, ImageNet weights:
         projects/stargan_camstyle/write_copies.py
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.hhl.hhl'])

# ---- model ----
model = dict(
    type='HHL',
    mode='CD',
    train_embed=True,            # False: the authors' code, whose optimizer lacked H and T
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='resnet50', num_parts=1, embed_dim=None, neck=False,
                 last_stride=2, weights='imagenet'),
        H=dict(type='EmbeddingHead', in_dim=2048, out_dim=1024, slope=0.0, dropout=0.0,
               norm_std=0.0),
        C=dict(type='IdentityClassifier', in_dim=1024, num_identities=751, bias=True, dropout=0.5),
        T=dict(type='TripletLayer', in_dim=1024, out_dim=128)),
    loss_weights=dict(identity=1.0, triplet=0.5))                    # beta

# ---- optimisation ----
sgd = dict(type='SGD', momentum=0.9, nesterov=True, weight_decay=5e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    E=dict(networks=['E_c'], lr=0.01, **sgd),
    H=dict(networks=['H', 'C', 'T'], lr=0.1, **sgd))

# ---- stages: 60 passes over the source, 101 iterations each, 40 at the full rate ----
fall = dict(milestones=[4040], gamma=0.1)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='hhl', iters=6060, loaders=['identity', 'triplet', 'target'],
                 eval_every=1010, lr=dict(E=fall, H=fall))])

# ---- data: 128 images for classes, 8 x 8 for triplets, 16 x (1 + 8) of the target ----
resize = dict(type='Resize', size=(256, 128))
augmented = [dict(type='RandomRectCrop', size=(256, 128)), dict(type='RandomFlip', prob=0.5)]
loader = dict(num_workers=4, collate_fn=dict(type='default_collate'))
shuffle = dict(type='ShuffleSampler')
source = dict(**_base_.market1501, split='train', transforms=augmented)
target = dict(**_base_.dukemtmc, split='train', labelled=False)
train_dataloader = dict(
    identity=dict(**loader, batch_size=128, sampler=shuffle, dataset=source),
    triplet=dict(**loader, batch_size=64, dataset=source,
                 sampler=dict(type='IdentitySampler', num_identities=8, num_images=8)),
    target=dict(**loader, batch_size=16, sampler=shuffle, dataset=dict(
        type='CameraCopies', num_cameras=8, copies='bounding_box_train_camstyle_stargan4reid',
        dataset=dict(**target, transforms=augmented))),
    adabn=dict(**loader, batch_size=128, sampler=shuffle,            # for AdaBN alone
               dataset=dict(**target, transforms=[resize])))

# ---- evaluation ----
val_dataloader = dict(target=dict(
    **loader, batch_size=128, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**_base_.dukemtmc, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='adabn', both=True)
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
