"""ARN on the rendered people, summer cameras (labelled) to winter cameras (unlabelled).

Sized for a CPU: MobileNetV2 at 128 x 64, whose map is 4 x 2, smaller encoders without dropout, 32
images of the source for 16, and Adam as in configs/baselines/synth_a_to_b.py. With dropout and 16
images the cross-entropy of direct transfer is 4.1 after 450 iterations, below 1 without. Its rows
beside it: arn_synth_recon.py, arn_synth_private.py, arn_synth_labels.py, and direct transfer of the
same networks, arn_synth_direct.py.

Needs:   nothing; as gcl_synth.py.
Result:  mAP / rank-1 53.8 / 69.3, AdaBN 56.1 / 72.0 (three seeds); arn_synth_direct.py 47.7 / 65.8.
Cost:    some 12 minutes of one CPU core, rendering apart.
"""
_base_ = ['../../../configs/_base_/runtime.py', '../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.arn.arn'])

# ---- model ----
encoder = dict(type='ConvEncoder', in_channels=1280, map_size=(4, 2), dim=512, bottleneck=256,
               dropout=0.0)
networks = dict(
    E_I=dict(type='TrunkPart', trunk='mobilenet_v2', part='all',
             weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None]),
    E_T=encoder, E_C=encoder, E_S=encoder,
    D_C=dict(type='MapDecoder', in_channels=512, out_channels=1280, map_size=(4, 2),
             bottleneck=256),
    C_S=dict(type='IdentityClassifier', in_dim=512, num_identities=120, bias=True))
model = dict(
    type='ARN', networks=networks,
    # of unit length: of 512 batch-normed numbers, squared distances are some 500
    contrast=dict(type='ContrastiveLoss', normalize=True),
    diff=dict(type='DifferenceLoss', form='element'),
    loss_weights=dict(identity=1.0, contrast=0.01, recon=2.0, diff=1500.0))  # 1, alpha, beta, gamma

# ---- optimisation: the published 1e-7 would leave E_I at ImageNet's weights, by which people are
# hardly found here (configs/baselines/untrained.py), so it has the rate of the baselines; C_S has
# twice that of the encoders as published ----
adam = dict(type='Adam', weight_decay=5e-4)
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    I=dict(networks=['E_I'], lr=3.5e-4, **adam),
    E=dict(networks=['E_T', 'E_C', 'E_S', 'D_C'], lr=3.5e-4, **adam),
    C=dict(networks=['C_S'], lr=7e-4, **adam))

# ---- stages, in iterations of 32 + 16 images; 15 are a pass over the persons ----
both = ['source', 'target']
fall = dict(milestones=[470], gamma=0.1)
train_cfg = dict(
    type='StagedTrainLoop',
    stages=[
        dict(name='new_parts', iters=100, loaders=both, frozen=['E_I']),
        dict(name='arn', iters=700, loaders=both, eval_every=700,
             lr=dict(I=dict(warmup=45, **fall), E=fall, C=fall))])
default_hooks = dict(logger=dict(interval=30), checkpoint=dict(interval=150))

# ---- data: 8 identities x 4 images of the source, 16 images of the target ----
resize = dict(type='Resize', size=(128, 64))
augmented = [resize, dict(type='RandomFlip', prob=0.5), dict(type='RandomPadCrop', padding=5),
             dict(type='RandomErase', prob=0.5)]
loader = dict(batch_size=16, num_workers=1, collate_fn=dict(type='default_collate'))
shuffle = dict(type='ShuffleSampler')
target = dict(**_base_.synth_b, split='train', labelled=False)
train_dataloader = dict(
    source=dict(**loader | dict(batch_size=32),
                sampler=dict(type='IdentitySampler', num_identities=8, num_images=4),
                dataset=dict(**_base_.synth_a, split='train', transforms=augmented)),
    target=dict(**loader, sampler=shuffle, dataset=dict(**target, transforms=augmented)),
    adabn=dict(**loader, sampler=shuffle,            # for AdaBN alone
               dataset=dict(**target, transforms=[resize])))

# ---- evaluation ----
test_loader = dict(batch_size=128, num_workers=1, collate_fn=dict(type='default_collate'),
                   sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(
    target=dict(**test_loader, dataset=dict(
        **_base_.synth_b, split='query+gallery', transforms=[resize])),
    source=dict(**test_loader, dataset=dict(
        **_base_.synth_a, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='adabn', both=True)
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
