"""gcl_tiny.py with stages of memory alone, without translation, and of pseudo-labels."""

_base_ = ['../../configs/gcl_smoke.py']
custom_imports = dict(imports=['tiny_networks'])  # this folder must be on the path

model = dict(
    networks=dict(
        D_s=dict(num_scales=1, base_dim=4),
        D_t=dict(num_scales=1, base_dim=4),
        G=dict(content_dim=32, base_dim=8, head_dim=8, num_res_blocks=1),
        F=dict(content_dim=32, base_dim=8, head_dim=8, num_res_blocks=1),
        E_p=dict(base_dim=2, aspp_dim=2, out_dim=8),
        E_c=dict(_delete_=True, type='TinyEncoder'),
        C=dict(in_dim=8),
    ),
    bank=dict(dim=8),
    bank_t=dict(num_samples=32, dim=8),
    loss_weights=dict(cluster=1.0),
)
optim_wrapper = dict(M=dict(networks=['E_c'], phases=['M', 'T'], type='Adam', lr=1e-2))
train_cfg = dict(
    stages=[
        dict(name='identity', iters=4, phases=['I'], loaders=['identity']),
        dict(name='control', iters=3, phases=['M'], loaders=['source']),
        dict(
            name='generators',
            iters=2,
            phases=['D', 'G'],
            loaders=['source', 'target'],
            frozen=['E_c'],
            loss_weights=dict(memory=0),
            start='identity',
        ),
        dict(name='memory', iters=4, phases=['M'], loaders=['source']),
        dict(
            name='clusters',
            iters=7,
            phases=['T'],
            loaders=['clusters'],
            labels='cluster',
            eval_every=7,
            title='pseudo-labels',
        ),
    ]
)
default_hooks = dict(
    checkpoint=dict(interval=2, save_best=None, best_stages=None, max_keep_ckpts=-1),
    best_loss=None,
    grid=None,
    pseudo_label=dict(
        type='PseudoLabelHook', interval=3, clustering=dict(type='KMeans', num_clusters=5)
    ),
)
visualizer = dict(type='LogVisualizer', vis_backends=None)
train_dataloader = dict(
    clusters=dict(
        batch_size=6,
        collate_fn=dict(type='default_collate'),
        sampler=dict(type='ClusterSampler', num_identities=3, num_images=2),
        dataset=dict(
            type='ShapesReID',
            domain='b',
            num_identities=8,
            images_per_identity=4,
            size=(64, 32),
            split='train',
            labelled=False,
            transforms=[
                dict(type='Resize', size=(64, 32)),
                dict(type='RandomErase', prob=0.5),
            ],
        ),
    ),
)
