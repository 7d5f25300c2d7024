"""CameraGCL on the built-in rendered people: summer cameras (labelled) -> winter cameras.

The main line is identity -> generators -> memory -> clusters. The discriminators are given heads
alone, which look alike in both domains but for the cameras, so that G learns the colours of each
target camera and not the winter's clothes. The memory contrasts a source image with its person as G
translates them for three target cameras, in front of backgrounds of those cameras, which
BackgroundBank takes from the target's images. Beside it, from the same E_c and with the same loss:
the control, on images that nobody translated, and the oracle, the same persons rendered under the
winter cameras. gcl_camera_controls.py has more controls, and pseudo-labels after each.

Needs:   nothing; the people are rendered on first use (some minutes). MobileNetV2 ImageNet weights
         under weights or ../shared/weights or from torchvision's hub; without them a random start
         with a longer first stage, which the log says.
Result:  the project's README: beats AdaBN and its control; in the memory stage the backgrounds do.
Cost:    17 minutes on two CPU cores, rendering included.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.gcl_camera.gcl_camera'])

source, target, oracle = _base_.synth_a, _base_.synth_b, _base_.synth_a2b

# ---- model ----
model = dict(
    type='CameraGCL',
    cross_pose='own',
    bn_mode='target_recalib',
    head_crops=dict(size=32),          # wardrobe and scenery of the domains differ by the season
    networks=dict(
        D_s=dict(type='CameraStridedDiscriminator', num_scales=2, base_dim=32, num_cameras=6),
        D_t=dict(type='CameraStridedDiscriminator', num_scales=2, base_dim=32, num_cameras=6),
        G=dict(type='CameraStripeDecoder', content_dim=5312, base_dim=32, num_cameras=6,
               num_own_cameras=12, colour_rate=10.0),
        F=dict(type='CameraStripeDecoder', content_dim=5312, base_dim=32, num_cameras=6,
               num_own_cameras=12, colour_rate=10.0),
        E_p=dict(type='StructureEncoder', in_channels=4, out_dim=32),      # colour and mesh
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', num_parts=4, embed_dim=None,
                 part_layout='part_major', early_stats=True,
                 weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None]),
        C=dict(type='IdentityClassifier', in_dim=1280, num_identities=120)),
    bank=dict(num_samples=1234, dim=1280, momentum=0.2),
    bank_t=dict(num_samples=1200, dim=1280, momentum=0.2),
    gan_loss=dict(type='GANLoss', mode='bce', scale_reduction='sum', labels=dict(
        smooth_real=(0.7, 1.0), smooth_fake=(0.0, 0.3), flip_prob=1 / 10001)),
    penalty=dict(type='GradientPenalty', reduction='mean'),
    contrast=dict(type='MemoryContrast', temperature=0.04, num_negatives=8192),
    loss_weights=dict(adv=2.0, gp=10.0, recon=1.0, cycle=1.0, content=1.0, memory=1.0,
                      cluster=1.0, identity=1.0, triplet=1.0))

# ---- optimisation ----
adam = dict(type='Adam', lr=5e-4, betas=(0.5, 0.999), weight_decay=1e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    D=dict(networks=['D_s', 'D_t'], **adam),
    G=dict(networks=['G'], **adam),
    F=dict(networks=['F'], **adam),
    P=dict(networks=['E_p'], **adam),
    M=dict(networks=['E_c'], phases=['M', 'T'], type='Adam', lr=1e-4, weight_decay=5e-4),
    I=dict(networks=['E_c', 'C'], phases=['I'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# ---- stages, in iterations: 8 persons or clusters x 4 images; generators 8 + 8 images ----
fall, tenth_120 = dict(linear_from=150), dict(milestones=[120], gamma=0.1)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='identity', iters=450, phases=['I'], loaders=['identity'],
             lr=dict(I=dict(warmup=45, milestones=[270], gamma=0.1))),
        dict(name='control', title='control: memory without translation', iters=200, phases=['M'],
             loaders=dict(pairs='again'), baselines=['direct', 'adabn'], eval_every=200,
             lr=dict(M=tenth_120)),
        dict(name='oracle', title='oracle: memory with perfect translations', iters=200,
             phases=['M'], start='identity', loaders=dict(pairs='oracle'), eval_every=200,
             lr=dict(M=tenth_120)),
        dict(name='generators', iters=300, phases=['D', 'G'], start='identity',
             loaders=['source', 'target'], frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=fall, G=fall, F=fall, P=fall)),
        dict(name='memory', title='GCL: memory with translations by G', iters=200, phases=['M'],
             loaders=dict(pairs='painted'), eval_every=200, lr=dict(M=tenth_120)),
        dict(name='clusters', title='GCL, then pseudo-labels', iters=200, phases=['T'],
             loaders=['clusters'], labels='cluster', eval_every=200, lr=dict(M=tenth_120))])
default_hooks = dict(
    logger=dict(interval=40),
    checkpoint=dict(interval=50, save_best='mAP', best_stages=['clusters']),
    best_loss=dict(type='BestLossHook', stage='generators', interval=50),
    translated=dict(type='TranslatePositivesHook', images='source', to='target', num_styles=3,
                    backgrounds='target'),
    pseudo_label=dict(type='PseudoLabelHook', interval=50,
                      clustering=dict(type='JaccardDBSCAN', k1=20, k2=6, eps=0.5, min_samples=4)),
    grid=dict(type='TranslationGridHook', interval=50))

# ---- without pretrained weights: options merged then, unless the command line gives others ----
random_start = {
    'optim_wrapper.I.lr': 3e-3,
    'train_cfg.stages.identity': dict(iters=1200, lr=dict(I=dict(milestones=[900])),
                               loss_weights=dict(triplet=0.5))}

# ---- data ----
resize = dict(type='Resize', size=(128, 64))
augmented = [resize, dict(type='RandomFlip', prob=0.5), dict(type='RandomPadCrop', padding=5),
             dict(type='RandomErase', prob=0.5)]
collate = dict(type='default_collate')
by_person = dict(batch_size=32, num_workers=1, collate_fn=collate,
                 sampler=dict(type='IdentitySampler', num_identities=8, num_images=4))
loader = dict(batch_size=8, num_workers=1, collate_fn=collate, sampler=dict(type='ShuffleSampler'))
mapped = dict(split='train', transforms=[resize],
              pose_map=[dict(type='Colour'), dict(type='SyntheticMesh')])
labelled = dict(**source, split='train', transforms=augmented)
train_dataloader = dict(
    identity=dict(**by_person, dataset=labelled),
    source=dict(**loader, dataset=dict(**source, **mapped)),
    target=dict(**loader, dataset=dict(**target, **mapped, labelled=False)),
    # a loader's name seeds its order: these two are called as in the measured runs
    again=dict(**by_person, dataset=dict(type='PositivePairs', dataset=labelled, second='same')),
    painted=dict(**by_person, dataset=dict(
        type='PositivePairs', dataset=labelled, second='translated')),
    oracle=dict(**by_person, dataset=dict(
        type='PositivePairs', dataset=labelled, second=dict(**oracle, split='train'))),
    clusters=dict(batch_size=32, num_workers=1, collate_fn=collate,
                  sampler=dict(type='ClusterSampler', num_identities=8, num_images=4),
                  dataset=dict(**target, split='train', transforms=augmented, labelled=False)))

# ---- evaluation ----
test_loader = dict(batch_size=128, num_workers=1, collate_fn=collate,
                   sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(
    target=dict(**test_loader, dataset=dict(**target, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='target')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
