"""CrossDomainGCL at full size: networks, criteria, optimizers, loaders, evaluation.

A config names the data sets (`dataset` of each loader), what depends on them
(`networks.C.num_identities`, `bank.num_samples`) and the stages.
"""
_base_ = ['runtime.py', 'datasets.py']

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
        C=dict(type='IdentityClassifier', in_dim=512)),                        # stage 1 only
    bank=dict(dim=512, momentum=0.2),
    gan_loss=dict(type='GANLoss', mode='lsgan', scale_reduction='sum', labels=dict(
        smooth_real=(0.7, 1.0), smooth_fake=(0.0, 0.3), flip_prob=1 / 10001)),
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
train_cfg = dict(type='StagedTrainLoop')
default_hooks = dict(
    checkpoint=dict(interval=1000, save_best='mAP', best_stages=['joint']),
    best_loss=dict(type='BestLossHook', stage='generators', interval=5000),
    grid=dict(type='TranslationGridHook', interval=1000))

# ---- loaders: 32 identities x 4 images; 16 + 16 images ----
collate = dict(type='default_collate')
by_person = dict(batch_size=128, num_workers=4, collate_fn=collate,
                 sampler=dict(type='IdentitySampler', num_identities=32, num_images=4))
shuffled = dict(batch_size=16, num_workers=4, drop_last=True, collate_fn=collate,
                sampler=dict(type='ShuffleSampler'))
in_order = dict(batch_size=128, num_workers=4, collate_fn=collate,
                sampler=dict(type='DefaultSampler', shuffle=False))
# images stay in shared memory once they are read: 1.3 GB of Market-1501, 1.6 of DukeMTMC
kept = dict(dataset=dict(cache_gb=2))
train_dataloader = dict(identity=dict(**by_person, **kept), source=shuffled, target=shuffled)

# ---- evaluation: retrieval on the target domain, and where a config adds it, on the source ----
val_dataloader = dict(target=in_order)
val_cfg = dict(type='RetrievalValLoop', adabn='target')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10), protocol='market1501')
