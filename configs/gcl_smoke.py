"""CrossDomainGCL, tiny, all three stages on figures drawn in memory: does everything run?

Needs:   nothing.
Cost:    under a minute on two CPU cores. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['_base_/runtime.py']

shapes = dict(type='ShapesReID', num_identities=8, images_per_identity=4, size=(64, 32))
source, target = dict(**shapes, domain='a'), dict(**shapes, domain='b')

# ---- model ----
model = dict(
    type='CrossDomainGCL',
    cross_pose=dict(generators='own', joint='novel'),
    networks=dict(
        D_s=dict(type='MultiScaleDiscriminator', num_scales=2, base_dim=8, num_res_blocks=1),
        D_t=dict(type='MultiScaleDiscriminator', num_scales=2, base_dim=8, num_res_blocks=1),
        G=dict(type='AdaINDecoder', content_dim=2048, base_dim=16, head_dim=32),
        F=dict(type='AdaINDecoder', content_dim=2048, base_dim=16, head_dim=32),
        E_p=dict(type='PoseEncoder', base_dim=4, num_res_blocks=1, aspp_dim=4, out_dim=16,
                 dilations=(1, 2, 3)),
        E_c=dict(type='ContentEncoder', trunk='resnet18', num_parts=4, embed_dim=64, weights=None),
        C=dict(type='IdentityClassifier', in_dim=64, num_identities=8)),
    bank=dict(num_samples=32, dim=64),
    gan_loss=dict(type='GANLoss', mode='bce', scale_reduction='sum', smooth_real=(0.7, 1.0),
                  smooth_fake=(0.0, 0.3), flip_prob=1 / 10001),
    penalty=dict(type='GradientPenalty', reduction='mean'),
    contrast=dict(type='MemoryContrast', temperature=0.04, num_negatives=16),
    loss_weights=dict(adv=1.0, gp=10.0, recon=5.0, cycle=5.0, content=5.0, memory=1.0,
                      identity=1.0, triplet=1.0))

# ---- optimisation ----
adam = dict(type='Adam', lr=1e-4, betas=(0.5, 0.999), weight_decay=1e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    D=dict(networks=['D_s', 'D_t'], **adam),
    G=dict(networks=['G'], **adam),
    F=dict(networks=['F'], **adam),
    P=dict(networks=['E_p'], **adam),
    E_c=dict(networks=['E_c'], phases=['G'], type='SGD', lr=3.5e-5, momentum=0.9, nesterov=True,
             weight_decay=1e-4),
    I=dict(networks=['E_c', 'C'], phases=['I'], type='Adam', lr=1e-3, weight_decay=5e-4))

# ---- stages ----
halve = dict(every=5, gamma=0.5)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='identity', iters=40, phases=['I'], loaders=['identity'], eval_every=20,
             lr=dict(I=dict(warmup=5, milestones=[30], gamma=0.1))),
        dict(name='generators', iters=10, phases=['D', 'G'], loaders=['source', 'target'],
             frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=halve, G=halve, F=halve, P=halve)),
        dict(name='joint', iters=10, phases=['D', 'G'], loaders=['source', 'target'],
             baselines=['direct', 'adabn'], eval_every=5,
             lr=dict(D=halve, G=halve, F=halve, P=halve, E_c=dict(milestones=[5], gamma=0.1)))])
default_hooks = dict(
    logger=dict(interval=5),
    checkpoint=dict(interval=5, save_best='mAP', best_stages=['joint']),
    best_loss=dict(type='BestLossHook', stage='generators', interval=5),
    grid=dict(type='TranslationGridHook', interval=10, num_images=4))

# ---- data ----
resize = dict(type='Resize', size=(64, 32))
flip = dict(type='RandomFlip', prob=0.5)
augmented = [resize, flip, dict(type='RandomPadCrop', padding=3),
             dict(type='RandomErase', prob=0.5)]
loader = dict(batch_size=4, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
mapped = dict(split='train', transforms=[resize, flip], pose_map=dict(type='ShapesMap'))
train_dataloader = dict(
    identity=dict(batch_size=16, collate_fn=dict(type='default_collate'),
                  sampler=dict(type='IdentitySampler', num_identities=4, num_images=4),
                  dataset=dict(**source, split='train', transforms=augmented)),
    source=dict(**loader, dataset=dict(**source, **mapped)),
    target=dict(**loader, dataset=dict(**target, **mapped, labelled=False)))

# ---- evaluation ----
test_loader = dict(batch_size=32, collate_fn=dict(type='default_collate'),
                   sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(
    target=dict(**test_loader, dataset=dict(**target, split='query+gallery', transforms=[resize])),
    source=dict(**test_loader, dataset=dict(**source, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='target')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
