"""DCGAN of a thousand weights on figures drawn in memory, 60 iterations, diagnosed every five."""

_base_ = ['../../configs/_base_/runtime.py']
custom_imports = dict(imports=['tiny_networks'])  # this folder must be on the path

dcgan = dict(image_size=(16, 8), base_dim=4, num_stages=2)
model = dict(
    type='UnconditionalGAN',
    networks=dict(
        G=dict(type='DCGANGenerator', latent_dim=8, **dcgan),
        D=dict(type='DCGANDiscriminator', **dcgan),
    ),
    loss_weights=dict(adv=1.0),
)
adam = dict(type='Adam', lr=2e-3, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam),
)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='dcgan', iters=60, phases=['D', 'G'], loaders=['real'])],
)
default_hooks = dict(
    checkpoint=dict(interval=20),
    diagnostics=dict(interval=5, warmup=10, patience=4, num_images=16),
    watchdog=None,
)
train_dataloader = dict(
    real=dict(
        batch_size=8,
        sampler=dict(type='ShuffleSampler'),
        dataset=dict(
            type='ShapesReID',
            num_identities=4,
            images_per_identity=4,
            size=(64, 32),
            split='train',
            labelled=False,
            transforms=[dict(type='Resize', size=(16, 8)), dict(type='RandomFlip', prob=0.5)],
        ),
    )
)
