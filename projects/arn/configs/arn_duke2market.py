"""ARN, DukeMTMC-reID (labelled) -> Market-1501 (unlabelled), as in the paper.

The paper has maps of 7 x 7; at 256 x 128 they are 8 x 4. It does not say for how long it trains,
nor the margin of the contrastive loss.

Needs:   data/dukemtmc, data/market1501, ImageNet weights (README, "Data").
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.arn.arn'])

# ---- model ----
encoder = dict(type='ConvEncoder', in_channels=2048, map_size=(8, 4), dim=2048, bottleneck=512,
               dropout=0.5)
model = dict(
    type='ARN',
    networks=dict(
        E_I=dict(type='TrunkPart', trunk='resnet50', part='all', weights='imagenet'),
        E_T=encoder, E_C=encoder, E_S=encoder,
        D_C=dict(type='MapDecoder', in_channels=2048, out_channels=2048, map_size=(8, 4),
                 bottleneck=512),
        C_S=dict(type='IdentityClassifier', in_dim=2048, num_identities=702, bias=True,
                 dropout=0.5)),
    contrast=dict(type='ContrastiveLoss', margin=1.0),
    recon=dict(type='ReconstructionLoss', distance='squared', per='element'),    # or per='image'
    # gamma is for a small L_diff: form='pair' would have many times the gradient of the labels
    diff=dict(type='DifferenceLoss', form='element'),
    mmd=dict(type='MMD', sigmas=(1.0, 2.0, 10.0)),
    loss_weights=dict(identity=1.0, contrast=0.01, recon=2.0, diff=1500.0,   # 1, alpha, beta, gamma
                      mmd=0.0))                      # 0.1 in the authors' code

# ---- optimisation: published rates, with which E_I hardly leaves ImageNet's weights ----
sgd = dict(type='SGD', momentum=0.9, weight_decay=5e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    I=dict(networks=['E_I'], lr=1e-7, **sgd),
    E=dict(networks=['E_T', 'E_C', 'E_S', 'D_C'], lr=1e-3, **sgd),
    C=dict(networks=['C_S'], lr=2e-3, **sgd))

# ---- stages, in iterations of 16 + 16 images; 1032 are a pass over the source ----
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='new_parts', iters=5160, loaders=['source', 'target'], frozen=['E_I']),
        dict(name='arn', iters=46440, loaders=['source', 'target'], eval_every=5160)])

# ---- data: 4 identities x 4 images, as the contrastive loss needs pairs; 16 of the target ----
resize = dict(type='Resize', size=(256, 128))
augmented = [resize, dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=16, num_workers=4, collate_fn=dict(type='default_collate'))
train_dataloader = dict(
    source=dict(**loader, sampler=dict(type='IdentitySampler', num_identities=4, num_images=4),
                dataset=dict(**_base_.dukemtmc, split='train', transforms=augmented)),
    target=dict(**loader, sampler=dict(type='ShuffleSampler'), dataset=dict(
        **_base_.market1501, split='train', transforms=augmented, labelled=False)),
    adabn=dict(**loader, sampler=dict(type='ShuffleSampler'), dataset=dict(    # for AdaBN alone
        **_base_.market1501, split='train', transforms=[resize], labelled=False)))

# ---- evaluation ----
test_loader = dict(batch_size=128, num_workers=4, collate_fn=dict(type='default_collate'),
                   sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(target=dict(**test_loader, dataset=dict(
    **_base_.market1501, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='adabn', both=True)
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
