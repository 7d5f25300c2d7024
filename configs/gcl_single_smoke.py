"""GCL in one domain, tiny, on figures drawn in memory: does everything run?

Needs:   nothing.
Cost:    under a minute on two CPU cores. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['_base_/gcl_single.py']

model = dict(
    networks=dict(
        D=dict(num_scales=2, base_dim=8, num_res_blocks=1),
        G=dict(content_dim=5120, base_dim=16, head_dim=32),
        E_p=dict(base_dim=4, num_res_blocks=1, aspp_dim=4, out_dim=16, dilations=(1, 2, 3)),
        E_c=dict(trunk='mobilenet_v2', embed_dim=64, weights=None)),
    bank=dict(num_samples=32, dim=64),
    contrast=dict(num_negatives=16))

# ---- stages ----
control = dict(phases=['M'], labels='cluster', start='generators', iters=2, eval_every=2)
train_cfg = dict(stages=[
    dict(name='generators', iters=4, phases=['D', 'G'], loaders=['target'], frozen=['E_c'],
         loss_weights=dict(memory=0), baselines=['direct']),
    dict(name='joint', iters=6, phases=['D', 'G'], loaders=['target'], labels='cluster',
         eval_every=6, lr=dict(E_c=dict(milestones=[3], gamma=0.1))),
    dict(name='same', title='the image again', loaders=dict(target='same'), **control),
    dict(name='augmented', loaders=dict(target='augmented'), **control),
    dict(name='turned', title='perfect second view', loaders=dict(target='turned'), **control)])
default_hooks = dict(
    logger=dict(interval=2),
    checkpoint=dict(interval=100),
    pseudo_label=dict(interval=2, num_drawn=3, clustering=dict(
        _delete_=True, type='JaccardDBSCAN', k1=6, k2=2, eps=0.6, min_samples=2)),
    grid=dict(interval=100, num_images=4))

# ---- data ----
resize = dict(type='Resize', size=(64, 32))
shapes = dict(type='ShapesReID', domain='b', num_identities=8, images_per_identity=4, size=(64, 32))
few = dict(batch_size=4, num_workers=0)
train = dict(**shapes, split='train', labelled=False, transforms=[resize])
changed = [resize, dict(type='ColorJitter', brightness=0.3), dict(type='RandomErase', prob=0.5)]
train_dataloader = dict(
    target=dict(**few, dataset=dict(**train, pose_map=dict(type='ShapesMap'))),
    same=dict(**_base_.shuffled | few, dataset=train),
    augmented=dict(**_base_.shuffled | few,
                   dataset=dict(type='TwoViews', dataset=train, transforms=changed)),
    turned=dict(**_base_.shuffled | few,
                dataset=dict(type='TwoViews', dataset=train, turns=[90, 180, 270])))
val_dataloader = dict(target=dict(
    batch_size=32, num_workers=0,
    dataset=dict(**shapes, split='query+gallery', transforms=[resize])))
