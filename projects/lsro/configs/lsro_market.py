"""LSRO on Market-1501: ResNet-50 with 24,000 images of DCGAN beside the 12,936 real ones.

DCGAN learns the training images, then identities are classified twice from the same start, without
and with generated images. The published comparisons read the same DCGAN: lsro_market_pseudo.py,
lsro_market_extra_class.py.

    python tools/train.py projects/lsro/configs/lsro_market.py

Without the baseline, or other images, of a folder:

    --first-stage lsro --load-from work_dirs/lsro_market/stage_dcgan.pth
    --cfg-options train_dataloader.mixed.dataset.folder=FOLDER

So many generated images in each batch of 64, here 24 beside 40 real ones, instead of the natural
ratio of a shuffled list ("mix"):

    --first-stage lsro --load-from work_dirs/lsro_market/stage_dcgan.pth \
        --cfg-options 'train_cfg.stages.2.loaders=[identity,generated]' \
        train_dataloader.identity.batch_size=40 train_dataloader.generated.batch_size=24

Needs:   data/market1501, ImageNet weights.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.lsro.lsro'])

# ---- model ----
dcgan = dict(image_size=(128, 128))
model = dict(
    type='LSRO', feature='pre_bn',                   # pool5
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='resnet50', num_parts=1, embed_dim=None, neck=False,
                 last_stride=2, weights='imagenet'),
        C=dict(type='IdentityClassifier', in_dim=2048, num_identities=751, bias=True, dropout=0.75),
        G=dict(type='DCGANGenerator', latent_dim=100, **dcgan),
        D=dict(type='DCGANDiscriminator', **dcgan)),
    gan=dict(g_steps=2, reuse_z=True),
    generated_loss=dict(type='UniformLabel'),
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

# ---- stages: 30 passes of 202 iterations (recalled; 25 is the code's default); then 50 passes of
# 202 (real images) and of 577 (36,936 images), 40 at the full rate ----
fall_real, fall_mixed = dict(milestones=[8080], gamma=0.1), dict(milestones=[23080], gamma=0.1)
dcgan_stage = dict(name='dcgan', iters=6060, phases=['D', 'G'], loaders=['real'])
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dcgan_stage,
        dict(name='baseline', iters=10100, phases=['I'], loaders=['identity'], start='dcgan',
             eval_every=2020, lr=dict(E=fall_real, C=fall_real)),
        dict(name='lsro', iters=28850, phases=['I'], loaders=dict(identity='mixed'), start='dcgan',
             eval_every=5770, lr=dict(E=fall_mixed, C=fall_mixed))])
default_hooks = dict(
    grid=dict(type='TranslationGridHook', interval=1010, num_images=4, loaders=['real']),
    generated=dict(type='GenerateImagesHook'))

# ---- data ----
resize = dict(type='Resize', size=(256, 128))
augmented = [dict(type='ResizeRandomCrop', enlarged=(288, 144), size=(256, 128)),
             dict(type='RandomFlip', prob=0.5)]
loader = dict(batch_size=64, num_workers=4, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
labelled = dict(**_base_.market1501, split='train', transforms=augmented)
train_dataloader = dict(
    real=dict(**loader, dataset=dict(
        **_base_.market1501, split='train', labelled=False,
        transforms=[dict(type='Resize', size=(128, 128))])),
    identity=dict(**loader, dataset=labelled),
    mixed=dict(**loader, dataset=dict(type='RealAndGenerated', count=24000, dataset=labelled)),
    generated=dict(**loader, dataset=dict(
        type='GeneratedImages', count=24000, transforms=augmented)))

# ---- evaluation ----
val_dataloader = dict(target=dict(
    **loader | dict(batch_size=128, sampler=dict(type='DefaultSampler', shuffle=False)),
    dataset=dict(**_base_.market1501, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
