"""CrossDomainGCL on the built-in rendered people, summer cameras (labelled) -> winter, for a CPU.

As gcl_small.py; a config adds decoders, loss weights and the stages after `identity`.
"""
_base_ = ['gcl_small.py']

source, target = _base_.synth_a, _base_.synth_b

model = dict(
    bn_mode='target_recalib',
    networks=dict(
        E_p=dict(in_channels=4, out_dim=32),     # colour and mesh
        E_c=dict(weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None]),
        C=dict(num_identities=120)),
    bank=dict(num_samples=1234),                 # training images of A
    bank_t=dict(num_samples=1200, dim=1280, momentum=0.2))        # of B

# ---- stage 1, in iterations of 8 persons x 4 images ----
identity = dict(name='identity', iters=450, phases=['I'], loaders=['identity'],
                lr=dict(I=dict(warmup=45, milestones=[270], gamma=0.1)))
default_hooks = dict(
    logger=dict(interval=40),
    checkpoint=dict(interval=50, best_stages=['clusters']),
    best_loss=dict(interval=50),
    pseudo_label=dict(type='PseudoLabelHook', interval=50,
                      clustering=dict(type='JaccardDBSCAN', k1=20, k2=6, eps=0.5, min_samples=4)),
    grid=dict(interval=50))

# ---- without pretrained weights: options merged then, unless the command line gives others ----
random_start = {
    'optim_wrapper.I.lr': 3e-3,
    'train_cfg.stages.identity': dict(iters=1200, lr=dict(I=dict(milestones=[900])),
                               loss_weights=dict(triplet=0.5))}

# ---- data: 8 + 8 images with maps, 8 persons or clusters x 4 images without ----
mapped = dict(split='train', transforms=[_base_.resize],
              pose_map=[dict(type='Colour'), dict(type='SyntheticMesh')])
train = dict(split='train', transforms=_base_.augmented)
train_dataloader = dict(
    identity=dict(dataset=dict(**source, **train)),
    source=dict(dataset=dict(**source, **mapped)),
    target=dict(dataset=dict(**target, **mapped, labelled=False)),
    clusters=dict(batch_size=32, num_workers=1, collate_fn=_base_.collate,
                  sampler=dict(type='ClusterSampler', num_identities=8, num_images=4),
                  dataset=dict(**target, **train, labelled=False)))
val_dataloader = dict(
    target=dict(dataset=dict(**target, split='query+gallery', transforms=[_base_.resize])))
