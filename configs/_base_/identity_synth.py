"""IDE on the rendered people, stage 1 of gcl_synth.py: model, optimisation, stages, evaluation.

A config names the data sets: training loader `identity`, `target` for AdaBN, and those to test on.
"""
model = dict(
    type='IdentityModel',
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', embed_dim=None,
                 weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None]),
        C=dict(type='IdentityClassifier', in_dim=1280, num_identities=120)),
    loss_weights=dict(identity=1.0, triplet=1.0))

optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    I=dict(networks=['E_c', 'C'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# iterations of 8 identities x 4 images
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='identity', iters=450, loaders=['identity'], eval_every=450,
                 lr=dict(I=dict(warmup=45, milestones=[270], gamma=0.1)))])

resize = dict(type='Resize', size=(128, 64))
augmented = [resize, dict(type='RandomFlip', prob=0.5), dict(type='RandomPadCrop', padding=5),
             dict(type='RandomErase', prob=0.5)]
identity_loader = dict(batch_size=32, num_workers=1, collate_fn=dict(type='default_collate'),
                       sampler=dict(type='IdentitySampler', num_identities=8, num_images=4))
test_loader = dict(batch_size=128, num_workers=1, collate_fn=dict(type='default_collate'),
                   sampler=dict(type='DefaultSampler', shuffle=False))
val_cfg = dict(type='RetrievalValLoop')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
