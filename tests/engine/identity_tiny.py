"""IDE on drawn figures: TinyEncoder, SGD, 20 iterations."""

_base_ = ['gcl_tiny.py']

model = dict(
    _delete_=True,
    type='IdentityModel',
    networks=dict(
        E_c=dict(type='TinyEncoder'),
        C=dict(type='IdentityClassifier', in_dim=8, num_identities=16),
    ),
    loss_weights=dict(identity=1.0, triplet=0.0),  # triplets are mined in the batch of a process
)
optim_wrapper = dict(
    _delete_=True,
    constructor='OptimizerPerGroup',
    I=dict(networks=['E_c', 'C'], type='SGD', lr=0.05, momentum=0.9),
)
train_cfg = dict(stages=[dict(name='identity', iters=20, loaders=['identity'], eval_every=20)])
train_dataloader = dict(
    identity=dict(
        batch_size=64,
        sampler=dict(_delete_=True, type='ShuffleSampler'),
        dataset=dict(num_identities=16, images_per_identity=8),
    )
)
