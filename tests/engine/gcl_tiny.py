"""configs/gcl_smoke.py on networks a hundred times smaller, 7 + 6 + 7 iterations."""

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
)
optim_wrapper = dict(E_c=dict(lr=3.5e-4))  # the full-size rate: every weight moves in one step
train_cfg = dict(
    stages=[
        dict(
            name='identity',
            iters=7,
            phases=['I'],
            loaders=['identity'],
            lr=dict(I=dict(warmup=3, milestones=[5], gamma=0.1)),
        ),
        dict(
            name='generators',
            iters=6,
            phases=['D', 'G'],
            loaders=['source', 'target'],
            frozen=['E_c'],
            loss_weights=dict(memory=0),
            lr=dict(D=dict(every=4, gamma=0.5)),
        ),
        dict(
            name='joint',
            iters=7,
            phases=['D', 'G'],
            loaders=['source', 'target'],
            lr=dict(E_c=dict(milestones=[4], gamma=0.1)),
        ),
    ]
)
default_hooks = dict(
    checkpoint=dict(interval=5, save_best=None, best_stages=None),
    best_loss=None,
    grid=None,
    diagnostics=None,  # its curves take longer than the training
)
visualizer = dict(type='LogVisualizer', vis_backends=None)
