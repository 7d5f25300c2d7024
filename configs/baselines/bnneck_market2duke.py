"""BNNeck on Market-1501 (bag of tricks: Luo et al., CVPRW 2019), also tested on DukeMTMC-reID.

Label smoothing 0.1, batch-hard triplets of margin 0.3 before the neck, cosine distance behind it,
last stride 1, random erasing, a warm-up of the rate (from 0; theirs is from a tenth); without the
center loss.

Needs:   as ide_market2duke.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../_base_/runtime.py', '../_base_/datasets.py']

model = dict(
    type='IdentityModel',
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='resnet50', embed_dim=None, weights='imagenet'),
        C=dict(type='IdentityClassifier', in_dim=2048, num_identities=751)),
    cross_entropy=dict(type='LabelSmoothCrossEntropy', epsilon=0.1),
    triplet=dict(type='BatchHardTriplet', margin=0.3),
    loss_weights=dict(identity=1.0, triplet=1.0))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    I=dict(networks=['E_c', 'C'], type='Adam', lr=3.5e-4, weight_decay=5e-4))
train_cfg = dict(type='StagedTrainLoop', stages=[      # 120 epochs of 202 batches of 64 images
    dict(name='identity', iters=24240, loaders=['identity'], eval_every=4040,
         lr=dict(I=dict(warmup=2020, milestones=[8080, 14140], gamma=0.1)))])

loader = dict(num_workers=4, collate_fn=dict(type='default_collate'))
in_order = dict(**loader, batch_size=128, sampler=dict(type='DefaultSampler', shuffle=False))
test = dict(split='query+gallery', transforms=_base_.test_transforms)
train_dataloader = dict(
    identity=dict(**loader, batch_size=64, sampler=dict(
        type='IdentitySampler', num_identities=16, num_images=4), dataset=dict(
        **_base_.market1501, split='train', transforms=_base_.identity_transforms)))
val_dataloader = dict(target=dict(**in_order, dataset=dict(**_base_.dukemtmc, **test)),
                      source=dict(**in_order, dataset=dict(**_base_.market1501, **test)))
val_cfg = dict(type='RetrievalValLoop')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
