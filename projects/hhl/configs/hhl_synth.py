"""HHL on the built-in rendered people: summer cameras (labelled) -> winter cameras.

Sized for two CPU cores: MobileNetV2 at 128 x 64, 32 + 4 x 4 + 4 x (1 + 6) images, and the recipe of
configs/baselines/synth_a_to_b.py (Adam), with which it is compared.

Needs:   the copies of StarGAN: projects/stargan_camstyle/configs/stargan_synth_b.py, then
         write_copies.py; else as configs/gcl_synth.py.
Result:  README.md.   Cost: README.md.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.hhl.hhl'])

# ---- model ----
model = dict(
    type='HHL',
    mode='CD',
    networks=dict(
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', num_parts=1, embed_dim=None,
                 neck=False,
                 weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None]),
        H=dict(type='EmbeddingHead', in_dim=1280, out_dim=512, slope=0.0, dropout=0.0,
               norm_std=0.0),
        C=dict(type='IdentityClassifier', in_dim=512, num_identities=120, bias=True, dropout=0.5),
        T=dict(type='TripletLayer', in_dim=512, out_dim=128)),
    loss_weights=dict(identity=1.0, triplet=0.5))                    # beta

# ---- optimisation ----
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    I=dict(networks=['E_c', 'H', 'C', 'T'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# ---- stages, in iterations ----
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[dict(name='hhl', iters=450, loaders=['identity', 'triplet', 'target'],
                 eval_every=450, lr=dict(I=dict(warmup=45, milestones=[270], gamma=0.1)))])
default_hooks = dict(logger=dict(interval=30), checkpoint=dict(interval=150))

# ---- data ----
resize = dict(type='Resize', size=(128, 64))
augmented = [dict(type='RandomRectCrop', size=(128, 64)), dict(type='RandomFlip', prob=0.5),
             dict(type='RandomErase', prob=0.5)]
loader = dict(num_workers=1, collate_fn=dict(type='default_collate'))
shuffle = dict(type='ShuffleSampler')
source = dict(**_base_.synth_a, split='train', transforms=augmented)
target = dict(**_base_.synth_b, split='train', labelled=False)
train_dataloader = dict(
    identity=dict(**loader, batch_size=32, sampler=shuffle, dataset=source),
    triplet=dict(**loader, batch_size=16, dataset=source,
                 sampler=dict(type='IdentitySampler', num_identities=4, num_images=4)),
    target=dict(**loader, batch_size=4, sampler=shuffle, dataset=dict(
        type='CameraCopies', num_cameras=6, copies='bounding_box_train_camstyle_stargan4reid',
        dataset=dict(**target, transforms=augmented))),
    adabn=dict(**loader, batch_size=128, sampler=shuffle,            # for AdaBN alone
               dataset=dict(**target, transforms=[resize])))

# ---- evaluation ----
test_loader = dict(**loader, batch_size=128, sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(
    target=dict(**test_loader, dataset=dict(
        **_base_.synth_b, split='query+gallery', transforms=[resize])),
    source=dict(**test_loader, dataset=dict(
        **_base_.synth_a, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='adabn', both=True)
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
