"""configs/_base_/cluster_contrast.py on drawn figures and a network of a thousand weights."""

_base_ = ['../../configs/_base_/cluster_contrast.py']
custom_imports = dict(imports=['tiny_networks'])  # this folder must be on the path

model = dict(
    networks=dict(E_c=dict(_delete_=True, type='TinyEncoder')),
    bank=dict(num_samples=32, dim=8),
)
optim_wrapper = dict(E_c=dict(lr=1e-2))
train_cfg = dict(
    stages=[
        dict(name='warm_up', iters=8, loaders=['target'], labels='cluster', eval_every=8),
    ]
)
default_hooks = dict(
    checkpoint=dict(interval=2, max_keep_ckpts=-1),
    pseudo_label=dict(
        interval=3,
        num_drawn=0,
        clustering=dict(_delete_=True, type='KMeans', num_clusters=5),
    ),
)
visualizer = dict(type='LogVisualizer', vis_backends=None)
resize = dict(type='Resize', size=(64, 32))
shapes = dict(type='ShapesReID', domain='b', num_identities=8, images_per_identity=4, size=(64, 32))
train_dataloader = dict(
    target=dict(
        batch_size=6,
        num_workers=0,
        sampler=dict(num_identities=3, num_images=2),
        dataset=dict(
            **shapes,
            split='train',
            labelled=False,
            transforms=[resize, dict(type='RandomErase', prob=0.5)],
        ),
    ),
)
val_dataloader = dict(
    target=dict(num_workers=0, dataset=dict(**shapes, split='query+gallery', transforms=[resize])),
)
