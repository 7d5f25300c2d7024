"""Smoke test of LSRO: two iterations a stage of tiny networks on figures drawn in memory.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['../../../configs/_base_/runtime.py']
custom_imports = dict(imports=['projects.lsro.lsro'])

shapes = dict(type='ShapesReID', num_identities=4, images_per_identity=4, size=(64, 32))

# ---- model ----
dcgan = dict(image_size=(64, 32), base_dim=4)
model = dict(
    type='LSRO', feature='pre_bn',
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', num_parts=1, embed_dim=None,
                 neck=False, weights=None),
        C=dict(type='IdentityClassifier', in_dim=1280, num_identities=4, bias=True, dropout=0.75),
        G=dict(type='DCGANGenerator', latent_dim=8, **dcgan),
        D=dict(type='DCGANDiscriminator', **dcgan)),
    gan=dict(g_steps=2),
    loss_weights=dict(identity=1.0, generated=1.0, adv=1.0))

# ---- optimisation ----
sgd = dict(type='SGD', momentum=0.9, nesterov=True, weight_decay=1e-4)
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam),
    E=dict(networks=['E_c'], lr=0.01, **sgd),
    C=dict(networks=['C'], lr=0.1, **sgd))

# ---- stages ----
fall = dict(milestones=[1], gamma=0.1)
row = dict(iters=2, phases=['I'], start='dcgan', eval_every=2, lr=dict(E=fall, C=fall))
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='dcgan', iters=2, phases=['D', 'G'], loaders=['real']),
        dict(name='baseline', loaders=['identity'], **row),
        dict(name='lsro', loaders=dict(identity='mixed'), **row)])
default_hooks = dict(
    logger=dict(interval=1),
    grid=dict(type='TranslationGridHook', interval=2, num_images=4, loaders=['real']),
    generated=dict(type='GenerateImagesHook'))

# ---- data ----
resize = dict(type='Resize', size=(64, 32))
augmented = [dict(type='ResizeRandomCrop', enlarged=(72, 36), size=(64, 32)),
             dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=8, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
labelled = dict(**shapes, split='train', transforms=augmented)
train_dataloader = dict(
    real=dict(**loader, dataset=dict(**shapes, split='train', labelled=False, transforms=[resize])),
    identity=dict(**loader, dataset=labelled),
    mixed=dict(**loader, dataset=dict(type='RealAndGenerated', dataset=labelled, count=16)))

# ---- evaluation ----
val_dataloader = dict(target=dict(
    batch_size=16, collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**shapes, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
