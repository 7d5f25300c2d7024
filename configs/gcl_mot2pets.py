"""CrossDomainGCL on photographs: MOT17-04 (labelled, night) -> PETS 2009 S2.L1 (unlabelled, day).

Needs:   mot17_04 and pets_s2l1 (54 and 112 training crops) under data/real_reid or
         ../shared/data/real_reid; MobileNetV2 ImageNet weights under weights or ../shared/weights,
         or torchvision's hub.
Result:  README.md. Two tiny sets: every part works on photographs; no benchmark.
Cost:    about 6 minutes on two CPU cores.
"""
_base_ = ['_base_/runtime.py', '_base_/datasets.py']

source, target = _base_.mot17_04, _base_.pets_s2l1

# ---- model ----
model = dict(
    type='CrossDomainGCL',
    cross_pose='own',
    networks=dict(
        D_s=dict(type='StridedDiscriminator', num_scales=2, base_dim=32),
        D_t=dict(type='StridedDiscriminator', num_scales=2, base_dim=32),
        G=dict(type='StripeAdaINDecoder', content_dim=5312, num_parts=4, base_dim=64),
        F=dict(type='StripeAdaINDecoder', content_dim=5312, num_parts=4, base_dim=64),
        E_p=dict(type='StructureEncoder', in_channels=1, out_dim=64),
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', num_parts=4, embed_dim=None,
                 part_layout='part_major', early_stats=True,
                 weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet']),
        C=dict(type='IdentityClassifier', in_dim=1280, num_identities=9)),
    bank=dict(num_samples=54, dim=1280, momentum=0.2),
    gan_loss=dict(type='GANLoss', mode='bce', scale_reduction='sum', smooth_real=(0.7, 1.0),
                  smooth_fake=(0.0, 0.3), flip_prob=1 / 10001),
    penalty=dict(type='GradientPenalty', reduction='mean'),
    contrast=dict(type='MemoryContrast', temperature=0.04, num_negatives=8192),
    loss_weights=dict(adv=1.0, gp=10.0, recon=5.0, cycle=5.0, content=5.0, memory=1.0,
                      identity=1.0, triplet=1.0))

# ---- optimisation ----
adam = dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    D=dict(networks=['D_s', 'D_t'], **adam),
    G=dict(networks=['G'], **adam),
    F=dict(networks=['F'], **adam),
    P=dict(networks=['E_p'], **adam),
    # a tenth of the main job's rate: so few images are overfitted within iterations
    E_c=dict(networks=['E_c'], phases=['G'], type='SGD', lr=3.5e-5, momentum=0.9, nesterov=True,
             weight_decay=1e-4),
    I=dict(networks=['E_c', 'C'], phases=['I'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# ---- stages, in iterations: 8 identities x 4 images, then 8 + 8 images ----
halve_40, halve_10 = dict(every=40, gamma=0.5), dict(every=10, gamma=0.5)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='identity', iters=60, phases=['I'], loaders=['identity'],
             lr=dict(I=dict(warmup=10, milestones=[40], gamma=0.1))),
        dict(name='generators', iters=120, phases=['D', 'G'], loaders=['source', 'target'],
             frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=halve_40, G=halve_40, F=halve_40, P=halve_40)),
        dict(name='joint', iters=30, phases=['D', 'G'], loaders=['source', 'target'],
             baselines=['direct', 'adabn'], eval_every=10,
             lr=dict(D=halve_10, G=halve_10, F=halve_10, P=halve_10,
                     E_c=dict(milestones=[15], gamma=0.1)))])
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=30, save_best='mAP', best_stages=['joint']),
    best_loss=dict(type='BestLossHook', stage='generators', interval=40),
    grid=dict(type='TranslationGridHook', interval=40))

# ---- data ----
resize = dict(type='Resize', size=(128, 64))
augmented = [resize, dict(type='RandomFlip', prob=0.5), dict(type='RandomPadCrop', padding=5),
             dict(type='RandomErase', prob=0.5)]
loader = dict(batch_size=8, num_workers=1, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
mapped = dict(split='train', transforms=[resize], pose_map=dict(type='Grayscale'))
train_dataloader = dict(
    identity=dict(batch_size=32, num_workers=1, collate_fn=dict(type='default_collate'),
                  sampler=dict(type='IdentitySampler', num_identities=8, num_images=4),
                  dataset=dict(**source, split='train', transforms=augmented)),
    source=dict(**loader, dataset=dict(**source, **mapped)),
    target=dict(**loader, dataset=dict(**target, **mapped, labelled=False)))

# ---- evaluation ----
test_loader = dict(batch_size=64, num_workers=1, collate_fn=dict(type='default_collate'),
                   sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(
    target=dict(**test_loader, dataset=dict(**target, split='query+gallery', transforms=[resize])),
    source=dict(**test_loader, dataset=dict(**source, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='target', adabn_batch_size=56)
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
