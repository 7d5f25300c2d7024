"""configs/gcl_single_smoke.py on networks a hundred times smaller; its last control alone."""

_base_ = ['../../configs/gcl_single_smoke.py']
custom_imports = dict(imports=['tiny_networks'])  # this folder must be on the path

model = dict(
    networks=dict(
        D=dict(num_scales=1, base_dim=4),
        G=dict(content_dim=32, base_dim=8, head_dim=8, num_res_blocks=1),
        E_p=dict(base_dim=2, aspp_dim=2, out_dim=8),
        E_c=dict(_delete_=True, type='TinyEncoder'),
    ),
    bank=dict(dim=8),
)
train_cfg = dict(
    stages=[
        dict(
            name='generators',
            iters=3,
            phases=['D', 'G'],
            loaders=['target'],
            frozen=['E_c'],
            loss_weights=dict(memory=0),
        ),
        dict(name='joint', iters=9, phases=['D', 'G'], loaders=['target'], labels='cluster'),
        dict(
            name='turned',
            iters=3,
            phases=['M'],
            loaders=dict(target='turned'),
            labels='cluster',
            start='generators',
        ),
        dict(
            name='again',
            iters=2,
            phases=['D', 'G'],
            loaders=['target'],
            frozen=['E_c'],
            loss_weights=dict(memory=0),
        ),
    ]
)
default_hooks = dict(
    checkpoint=dict(interval=2, save_best=None, best_stages=None, max_keep_ckpts=-1),
    pseudo_label=dict(interval=4),
    grid=None,
    diagnostics=None,  # its curves take longer than the training
)
# without tensorboard, whose start and pictures take longer than an iteration
visualizer = dict(type='LogVisualizer', vis_backends=[dict(type='LocalVisBackend')])
