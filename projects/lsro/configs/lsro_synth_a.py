"""LSRO on the rendered people under the six summer cameras of synth_a, with four amounts of images.

DCGAN learns the 1,234 training images, then MobileNetV2 classifies identities from the same start
without generated images, and with half as many, as many and twice as many as real ones.
Grids of DCGAN are in work_dirs/lsro_synth_a/grids, what it has generated in generated/.

    python tools/train.py projects/lsro/configs/lsro_synth_a.py

Sized for two CPU cores: images of 128 x 64, a DCGAN of 16 instead of 64 channels with five instead
of four halvings, batches of 32 instead of 64, Adam as in configs/baselines/synth_a_to_a.py (SGD of
the published rates is no start in so few iterations), and 6 passes over the images instead of 50. A
pass is over real and generated images: all see each real image as often, and more generated images
are more iterations, as published; `long` is the control of that, without any generated image.

Needs:   nothing; the people are rendered on first use (some minutes). ImageNet weights as
         gcl_synth.py.
Result:  mAP 88.9, 90.1, 86.5 with half, once, twice; without 85.1, and `long` 91.4, three seeds:
         docs/results/lsro_synth_a.md.
Cost:    28 minutes of one CPU core, rendering apart.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.lsro.lsro'])

# ---- model ----
dcgan = dict(image_size=(128, 64), base_dim=16, num_stages=5)
model = dict(
    type='LSRO', feature='pre_bn',                   # the pooled map
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', num_parts=1, embed_dim=None,
                 neck=False, last_stride=2,
                 weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None]),
        C=dict(type='IdentityClassifier', in_dim=1280, num_identities=120, bias=True, dropout=0.75),
        G=dict(type='DCGANGenerator', **dcgan),
        D=dict(type='DCGANDiscriminator', **dcgan)),
    gan=dict(g_steps=2),
    generated_loss=dict(type='UniformLabel'),
    loss_weights=dict(identity=1.0, generated=1.0, adv=1.0))

# ---- optimisation ----
adam = dict(type='Adam', lr=5e-4, betas=(0.5, 0.999))    # published 2e-4, for wider networks
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    G=dict(networks=['G'], **adam),
    D=dict(networks=['D'], **adam),
    I=dict(networks=['E_c', 'C'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# ---- stages, in iterations of 32 images: 6 passes, four fifths at the full rate ----
row = dict(phases=['I'], start='dcgan')
dcgan_stage = dict(name='dcgan', iters=1000, phases=['D', 'G'], loaders=['real'])
once = dict(iters=462, eval_every=462, **row,
            lr=dict(I=dict(warmup=20, milestones=[370], gamma=0.1)))
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dcgan_stage,
        dict(name='baseline', title='without generated images', loaders=['identity'], iters=228,
             eval_every=228, lr=dict(I=dict(warmup=20, milestones=[182], gamma=0.1)), **row),
        dict(name='long', title='without generated images, as long as twice', iters=690,
             loaders=['identity'], eval_every=690,
             lr=dict(I=dict(warmup=20, milestones=[552], gamma=0.1)), **row),
        dict(name='half', title='LSRO, 0.5 times', loaders=dict(identity='half'), iters=342,
             eval_every=342, lr=dict(I=dict(warmup=20, milestones=[274], gamma=0.1)), **row),
        dict(name='once', title='LSRO, once', loaders=dict(identity='once'), **once),
        dict(name='twice', title='LSRO, twice', loaders=dict(identity='twice'), iters=690,
             eval_every=690, lr=dict(I=dict(warmup=20, milestones=[552], gamma=0.1)), **row)])
default_hooks = dict(
    logger=dict(interval=25),
    checkpoint=dict(interval=250),
    grid=dict(type='TranslationGridHook', interval=250, num_images=4, loaders=['real']),
    generated=dict(type='GenerateImagesHook'))

# ---- data ----
resize = dict(type='Resize', size=(128, 64))
augmented = [dict(type='ResizeRandomCrop', enlarged=(144, 72), size=(128, 64)),
             dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=32, num_workers=1, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
labelled = dict(**_base_.synth_a, split='train', transforms=augmented)
train_dataloader = dict(
    real=dict(**loader, dataset=dict(
        **_base_.synth_a, split='train', labelled=False, transforms=[resize])),
    identity=dict(**loader, dataset=labelled),
    half=dict(**loader, dataset=dict(type='RealAndGenerated', dataset=labelled, count=617)),
    once=dict(**loader, dataset=dict(type='RealAndGenerated', dataset=labelled, count=1234)),
    twice=dict(**loader, dataset=dict(type='RealAndGenerated', dataset=labelled, count=2468)))

# ---- evaluation ----
val_dataloader = dict(target=dict(
    batch_size=128, num_workers=1, collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**_base_.synth_a, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
