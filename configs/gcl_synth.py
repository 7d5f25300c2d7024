"""CrossDomainGCL on the built-in rendered people: summer cameras (labelled) -> winter cameras.

identity -> generators -> joint -> clusters, as gcl_market2duke.py, at a size for two CPU cores.
Beside it, from the same E_c: the control, as many iterations of the same memory loss on images that
nobody translated, and pseudo-labels after it.

Needs:   nothing; the people are rendered on first use (some minutes). MobileNetV2 ImageNet weights
         under weights or ../shared/weights or from torchvision's hub; without them a random start
         with a longer first stage, which the log says.
Result:  docs/results/gcl_synth.md.
"""
_base_ = ['_base_/gcl_small.py']

source, target = _base_.synth_a, _base_.synth_b

# ---- model: decoders that start as the identity, for which weights of reconstruction are low ----
decoder = dict(base_dim=32, residual=True)
model = dict(
    bn_mode='target_recalib',
    networks=dict(
        G=decoder, F=decoder,
        E_p=dict(in_channels=4, out_dim=32),     # colour and mesh
        E_c=dict(weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None]),
        C=dict(num_identities=120)),
    bank=dict(num_samples=1234),                 # training images of A
    bank_t=dict(num_samples=1200, dim=1280, momentum=0.2),        # of B
    loss_weights=dict(adv=1.0, recon=1.0, cycle=1.0, content=1.0))

# ---- optimisation ----
fast = dict(lr=2e-4)
optim_wrapper = dict(
    D=fast, G=fast, F=fast, P=fast,
    E_c=dict(_delete_=True, networks=['E_c'], phases=['G', 'M', 'T'], type='Adam', lr=1e-4,
             weight_decay=5e-4))

# ---- stages, in iterations: 8 persons or clusters x 4 images; generators 8 + 8 images ----
fall, tenth_130 = dict(linear_from=100), dict(milestones=[130], gamma=0.1)
clusters = dict(iters=150, phases=['T'], loaders=['clusters'], labels='cluster', eval_every=150,
                lr=dict(E_c=dict(milestones=[100], gamma=0.1)))
train_cfg = dict(
    stages=[
        dict(name='identity', iters=450, phases=['I'], loaders=['identity'],
             lr=dict(I=dict(warmup=45, milestones=[270], gamma=0.1))),
        dict(name='control', title='control: memory without translation', iters=200, phases=['M'],
             loaders=['source'], baselines=['direct', 'adabn'], eval_every=200,
             lr=dict(E_c=tenth_130)),
        dict(name='control_clusters', title='control, then pseudo-labels', **clusters),
        dict(name='generators', iters=200, phases=['D', 'G'], start='identity',
             loaders=['source', 'target'], frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=fall, G=fall, F=fall, P=fall)),
        dict(name='joint', title='GCL: joint', iters=200, phases=['D', 'G'],
             loaders=['source', 'target'], eval_every=200, lr=dict(E_c=tenth_130)),
        dict(name='clusters', title='GCL, then pseudo-labels', **clusters)])
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

# ---- data ----
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
