"""GCL in one unlabelled domain, at full size: networks, criteria, optimizers, loaders, evaluation.

A config names the data set (`dataset` of each loader), its size (`bank.num_samples`), the weights
that E_c starts from, the stages, and how often a pass is clustered (`pseudo_label.interval`).
"""
_base_ = ['runtime.py', 'datasets.py']

# ---- model: four networks, one memory, three criteria, six weighted families ----
model = dict(
    type='GCL',
    content_on=('recon', 'cyc'),    # the published code leaves 'nv' out
    bn_mode='mixed',                # or real_only | frozen | target_recalib
    networks=dict(
        D=dict(type='MultiScaleDiscriminator', num_scales=3, base_dim=32),
        G=dict(type='AdaINDecoder', content_dim=8192, base_dim=128),
        E_p=dict(type='PoseEncoder', in_channels=1, base_dim=16, num_res_blocks=4),
        E_c=dict(type='ContentEncoder', trunk='resnet50', num_parts=4, embed_dim=512,
                 part_layout='channel_major')),          # or part_major: run k is stripe k
    bank=dict(dim=512, momentum=0.2),
    gan_loss=dict(type='GANLoss', mode='lsgan', scale_reduction='sum'),
    penalty=dict(type='GradientPenalty', kind='r1_dgnet', reduction='sum'),
    contrast=dict(type='MemoryContrast', temperature=0.04, num_negatives=8192),
    loss_weights={'adv': 1.0, 'G/adv': 2.0, 'gp': 0.01, 'recon': 5.0, 'cycle': 5.0, 'content': 5.0,
                  'memory': 1.0})

# ---- optimisation: each optimizer owns networks ----
adam = dict(type='Adam', lr=1e-4, betas=(0.0, 0.999), weight_decay=5e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    D=dict(networks=['D'], **adam),
    G=dict(networks=['G', 'E_p'], **adam),
    E_c=dict(networks=['E_c'], phases=['G', 'M'], type='SGD', lr=3.5e-4, momentum=0.9,
             nesterov=True, weight_decay=5e-4))
train_cfg = dict(type='StagedTrainLoop')
default_hooks = dict(
    checkpoint=dict(interval=1000, save_best='mAP', best_stages=['joint']),
    pseudo_label=dict(type='PseudoLabelHook', features='stage', num_drawn=8, clustering=dict(
        type='JaccardDBSCAN', k1=30, k2=6, rho=2e-3, min_samples=4)),
    grid=dict(type='TranslationGridHook', interval=1000, loaders=('target',)))

# ---- loaders: 16 images, shuffled; from the first clustering on without outliers ----
collate = dict(type='default_collate')
shuffled = dict(batch_size=16, num_workers=4, drop_last=True, collate_fn=collate,
                sampler=dict(type='PseudoLabelSampler'))
in_order = dict(batch_size=128, num_workers=4, collate_fn=collate,
                sampler=dict(type='DefaultSampler', shuffle=False))
train_dataloader = dict(target=shuffled)

# ---- evaluation: retrieval in the same domain ----
val_dataloader = dict(target=in_order)
val_cfg = dict(type='RetrievalValLoop', adabn='target')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10), protocol='market1501')
