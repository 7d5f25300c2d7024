"""CrossDomainGCL: Market-1501 (labelled source) -> DukeMTMC-reID (unlabelled target).

Needs:   data/market1501, data/dukemtmc, their rendered meshes, ImageNet weights (README, "Data").
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['_base_/runtime.py', '_base_/datasets.py']

source, target = _base_.market1501, _base_.dukemtmc

# ---- model: seven networks, one memory, three criteria, eight weighted families ----
model = dict(
    type='CrossDomainGCL',
    cross_pose='own',               # pose of x_s2t, x_t2s: own | novel | other, or a dict by stage
    bn_mode='mixed',                # or real_only | frozen | target_recalib
    networks=dict(
        D_s=dict(type='MultiScaleDiscriminator', num_scales=3, base_dim=32),   # source style?
        D_t=dict(type='MultiScaleDiscriminator', num_scales=3, base_dim=32),   # target style?
        G=dict(type='AdaINDecoder', content_dim=8192, base_dim=128),           # -> target style
        F=dict(type='AdaINDecoder', content_dim=8192, base_dim=128),           # -> source style
        E_p=dict(type='PoseEncoder', in_channels=1, base_dim=16, num_res_blocks=4),
        E_c=dict(type='ContentEncoder', trunk='resnet50', num_parts=4, embed_dim=512,
                 weights='imagenet'),
        C=dict(type='IdentityClassifier', in_dim=512, num_identities=751)),    # stage 1 only
    bank=dict(num_samples=12936, dim=512, momentum=0.2),          # Market training images
    gan_loss=dict(type='GANLoss', mode='bce', scale_reduction='sum', smooth_real=(0.7, 1.0),
                  smooth_fake=(0.0, 0.3), flip_prob=1 / 10001),
    penalty=dict(type='GradientPenalty', reduction='mean'),
    contrast=dict(type='MemoryContrast', temperature=0.04, num_negatives=8192),
    loss_weights=dict(adv=1.0, gp=10.0, recon=5.0, cycle=5.0, content=5.0, memory=1.0,
                      identity=1.0, triplet=1.0))

# ---- optimisation: each optimizer owns networks ----
adam = dict(type='Adam', lr=1e-4, betas=(0.5, 0.999), weight_decay=1e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    D=dict(networks=['D_s', 'D_t'], **adam),
    G=dict(networks=['G'], **adam),
    F=dict(networks=['F'], **adam),
    P=dict(networks=['E_p'], **adam),            # in both G and F instead: two moves an iteration
    E_c=dict(networks=['E_c'], phases=['G'], type='SGD', lr=3.5e-4, momentum=0.9, nesterov=True,
             weight_decay=1e-4),
    I=dict(networks=['E_c', 'C'], phases=['I'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# ---- stages, in iterations: 32 identities x 4 images, then 16 + 16 images ----
halve_4128, halve_1616 = dict(every=4128, gamma=0.5), dict(every=1616, gamma=0.5)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='identity', iters=6000, phases=['I'], loaders=['identity'], eval_every=2000,
             lr=dict(I=dict(warmup=500, milestones=[2000, 3500], gamma=0.1))),
        dict(name='generators', iters=41280,     # 40 passes over the target
             phases=['D', 'G'], loaders=['source', 'target'],
             frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=halve_4128, G=halve_4128, F=halve_4128, P=halve_4128)),
        dict(name='joint', iters=16160,          # 20 passes over the source
             phases=['D', 'G'], loaders=['source', 'target'],
             labels='identity', baselines=['direct', 'adabn'], eval_every=808,
             lr=dict(D=halve_1616, G=halve_1616, F=halve_1616, P=halve_1616,
                     E_c=dict(milestones=[8080], gamma=0.1))),
    ])
default_hooks = dict(
    checkpoint=dict(interval=1000, save_best='mAP', best_stages=['joint']),
    best_loss=dict(type='BestLossHook', stage='generators', interval=5000),
    grid=dict(type='TranslationGridHook', interval=1000))

# ---- data ----
loader = dict(batch_size=16, num_workers=4, drop_last=True,
              collate_fn=dict(type='default_collate'), sampler=dict(type='ShuffleSampler'))
train_dataloader = dict(
    identity=dict(
        batch_size=128, num_workers=4, collate_fn=dict(type='default_collate'),
        sampler=dict(type='IdentitySampler', num_identities=32, num_images=4),
        dataset=dict(**source, split='train', transforms=_base_.identity_transforms)),
    source=dict(**loader, dataset=dict(
        **source, split='train', transforms=_base_.train_transforms,
        pose_map=dict(type='RenderedMesh', root='{mesh}/market'))),
    target=dict(**loader, dataset=dict(
        **target, split='train', labelled=False, transforms=_base_.train_transforms,
        pose_map=dict(type='RenderedMesh', root='{mesh}/duke'))))

# ---- evaluation: retrieval on the target domain, then on the source ----
test_loader = dict(batch_size=128, num_workers=4, collate_fn=dict(type='default_collate'),
                   sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(
    target=dict(**test_loader, dataset=dict(
        **target, split='query+gallery', transforms=_base_.test_transforms)),
    source=dict(**test_loader, dataset=dict(
        **source, split='query+gallery', transforms=_base_.test_transforms)))
val_cfg = dict(type='RetrievalValLoop', adabn='target')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10), protocol='market1501')
