"""IDE on Market-1501 (Zheng et al., arXiv 1610.02984), tested on DukeMTMC-reID: direct transfer.

A translated copy of Market-1501 is trained on by `--cfg-options data_roots.market1501=FOLDER`.

Needs:   data/market1501, data/dukemtmc, ImageNet weights (README, "Data").
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../_base_/runtime.py', '../_base_/datasets.py']

model = dict(
    type='IdentityModel', feature='pre_bn',          # pool5
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='resnet50', num_parts=1, embed_dim=None, neck=False,
                 last_stride=2, weights='imagenet'),
        H=dict(type='EmbeddingHead', in_dim=2048, out_dim=512, slope=0.1, dropout=0.5),
        C=dict(type='IdentityClassifier', in_dim=512, num_identities=751, bias=True)),
    cross_entropy=dict(type='LabelSmoothCrossEntropy', epsilon=0.0),
    loss_weights=dict(identity=1.0, triplet=0.0))
sgd = dict(type='SGD', momentum=0.9, nesterov=True, weight_decay=5e-4)
optim_wrapper = dict(constructor='OptimizerPerGroup', E=dict(networks=['E_c'], lr=0.01, **sgd),
                     H=dict(networks=['H', 'C'], lr=0.1, **sgd))
fall = dict(milestones=[16160], gamma=0.1)           # 60 passes of 404 iterations, 40 at full rate
train_cfg = dict(type='StagedTrainLoop', stages=[
    dict(name='identity', iters=24240, loaders=['identity'], eval_every=4040,
         lr=dict(E=fall, H=fall))])

resize = dict(type='Resize', size=(256, 128))
augmented = [dict(type='ResizeRandomCrop', enlarged=(288, 144), size=(256, 128)),
             dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=32, num_workers=4, collate_fn=dict(type='default_collate'))
train_dataloader = dict(
    identity=dict(**loader, sampler=dict(type='ShuffleSampler'), dataset=dict(
        **_base_.market1501, split='train', transforms=augmented)),
    target=dict(**loader, sampler=dict(type='ShuffleSampler'), dataset=dict(    # for AdaBN alone
        **_base_.dukemtmc, split='train', transforms=[resize], labelled=False)))
val_dataloader = dict(target=dict(
    **loader, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(
        **_base_.dukemtmc, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='target', both=True)
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
