"""A small PairsGCL on drawn figures: control, generators, memory of translated pairs."""

_base_ = ['../../../configs/gcl_smoke.py']
custom_imports = dict(imports=['projects.gcl_camera.gcl_camera', 'tests.engine.tiny_networks'])

model = dict(
    type='PairsGCL',
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
)
optim_wrapper = dict(M=dict(networks=['E_c'], phases=['M'], type='Adam', lr=1e-2))
train_cfg = dict(
    stages=[
        dict(name='identity', iters=4, phases=['I'], loaders=['identity']),
        dict(name='control', iters=3, phases=['M'], loaders=dict(pairs='same')),
        dict(
            name='generators',
            iters=2,
            phases=['D', 'G'],
            loaders=['source', 'target'],
            frozen=['E_c'],
            loss_weights=dict(memory=0),
            start='identity',
        ),
        dict(name='memory', iters=4, phases=['M'], loaders=dict(pairs='translated')),
    ]
)
default_hooks = dict(
    checkpoint=dict(interval=2, save_best=None, best_stages=None, max_keep_ckpts=-1),
    best_loss=None,
    grid=None,
    translated=dict(type='TranslatePositivesHook'),
)
visualizer = dict(type='LogVisualizer', vis_backends=None)
images = dict(
    type='ShapesReID',
    domain='a',
    num_identities=8,
    images_per_identity=4,
    size=(64, 32),
    split='train',
    transforms=[
        dict(type='Resize', size=(64, 32)),
        dict(type='RandomPadCrop', padding=3),
        dict(type='RandomErase', prob=0.5),
    ],
)
by_person = dict(
    batch_size=8,
    collate_fn=dict(type='default_collate'),
    sampler=dict(type='IdentitySampler', num_identities=4, num_images=2),
)
train_dataloader = dict(
    same=dict(**by_person, dataset=dict(type='PositivePairs', dataset=images)),
    translated=dict(
        **by_person, dataset=dict(type='PositivePairs', dataset=images, second='translated')
    ),
)
