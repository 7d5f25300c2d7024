"""CrossDomainGCL at full size on the rendered people: summer cameras (labelled) -> winter cameras.

As gcl_market2duke.py, 256 x 128 and ResNet-50, with pseudo-labels at the end. Every person is
rendered with the meshes of eight sides, so GCL's novel view can be had too
(model.cross_pose=novel).

Needs:   a GPU; ImageNet weights (README, "Data"). The people are rendered on first use.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['_base_/gcl.py']

source, target = _base_.synth_a, _base_.synth_b

model = dict(
    bn_mode='target_recalib',
    networks=dict(C=dict(num_identities=120)),
    bank=dict(num_samples=1234),                 # training images of A
    bank_t=dict(num_samples=1200, dim=512, momentum=0.2),         # of B
    loss_weights=dict(cluster=1.0))
optim_wrapper = dict(T=dict(
    networks=['E_c'], phases=['T'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# ---- stages, in iterations: 16 identities or clusters x 4 images, then 16 + 16 images ----
halve_300, halve_150 = dict(every=300, gamma=0.5), dict(every=150, gamma=0.5)
train_cfg = dict(
    stages=[
        dict(name='identity', iters=2000, phases=['I'], loaders=['identity'], eval_every=1000,
             lr=dict(I=dict(warmup=200, milestones=[1200], gamma=0.1))),
        dict(name='generators', iters=3000,      # 40 passes over the target
             phases=['D', 'G'], loaders=['source', 'target'],
             frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=halve_300, G=halve_300, F=halve_300, P=halve_300)),
        dict(name='joint', iters=1540,           # 20 passes over the source
             phases=['D', 'G'], loaders=['source', 'target'],
             baselines=['direct', 'adabn'], eval_every=154,
             lr=dict(D=halve_150, G=halve_150, F=halve_150, P=halve_150,
                     E_c=dict(milestones=[770], gamma=0.1))),
        dict(name='clusters', iters=1500, phases=['T'], loaders=['clusters'], labels='cluster',
             eval_every=150, lr=dict(T=dict(milestones=[750], gamma=0.1)))])
default_hooks = dict(
    checkpoint=dict(interval=500, best_stages=['clusters']),
    best_loss=dict(interval=500),
    pseudo_label=dict(type='PseudoLabelHook', interval=150,
                      clustering=dict(type='JaccardDBSCAN', k1=20, k2=6, eps=0.5, min_samples=4)),
    grid=dict(interval=250))

# ---- data ----
mapped = dict(split='train', transforms=_base_.train_transforms,
              pose_map=dict(type='SyntheticMesh'))
augmented = dict(split='train', transforms=_base_.identity_transforms)
test = dict(split='query+gallery', transforms=_base_.test_transforms)
sixteen = dict(num_identities=16)
train_dataloader = dict(
    identity=dict(batch_size=64, sampler=sixteen, dataset=dict(**source, **augmented)),
    source=dict(dataset=dict(**source, **mapped)),
    target=dict(dataset=dict(**target, **mapped, labelled=False)),
    clusters=dict(batch_size=64, num_workers=4, collate_fn=_base_.collate,
                  sampler=dict(type='ClusterSampler', num_identities=16, num_images=4),
                  dataset=dict(**target, **augmented, labelled=False)))
val_dataloader = dict(target=dict(dataset=dict(**target, **test)),
                      source=dict(**_base_.in_order, dataset=dict(**source, **test)))
