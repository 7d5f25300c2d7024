"""Warm-up of E_c on the rendered people of `synth_b` without labels: cluster contrast, for a CPU.

GCL starts from what it ends with, as from the file weights/warm_up_synth_b.pth:

    reidgen train configs/warmup_synth_b.py
    reidgen train configs/gcl_synth_b.py --cfg-options \
        model.networks.E_c.weights=work_dirs/warmup_synth_b/stage_warm_up.pth

Needs:   nothing; the people are rendered on first use (some minutes). MobileNetV2 ImageNet weights
         under weights or ../shared/weights or from torchvision's hub; without them a random start.
Result:  mAP / rank-1 52.3 / 70.3, 41.8 / 57.4, 62.2 / 77.1 (seeds 0, 1, 2), mean 52.1, with AdaBN
         54.2; supervised 83.1. docs/results/gcl_synth_b.md.
Cost:    some 15 minutes of one CPU core, rendering apart.
"""
_base_ = ['_base_/cluster_contrast.py']

model = dict(
    networks=dict(
        E_c=dict(trunk='mobilenet_v2', embed_dim=None, part_layout='part_major',
                 weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None])),
    bank=dict(num_samples=1200, dim=1280))

# ---- stages, in iterations of 8 clusters x 4 images; 40 are a pass, clustered before each ----
train_cfg = dict(stages=[
    dict(name='warm_up', title='cluster contrast', iters=1000, loaders=['target'],
         labels='cluster', baselines=['direct', 'adabn'], eval_every=500,
         lr=dict(E_c=dict(warmup=40, milestones=[700], gamma=0.1)))])
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=100),
    # a person has ten images under six cameras: with k1=20, k2=6, min_samples=4 ImageNet's features
    # leave 1030 of 1200 images as outliers, with these 363, and purity is higher
    pseudo_label=dict(interval=40, clustering=dict(k1=10, k2=3, eps=0.5, min_samples=2)))

# ---- data: 128 x 64 ----
resize = dict(type='Resize', size=(128, 64))
augmented = [resize, dict(type='RandomFlip', prob=0.5), dict(type='RandomPadCrop', padding=5),
             dict(type='RandomErase', prob=0.5)]
train_dataloader = dict(target=dict(
    batch_size=32, num_workers=1, sampler=dict(num_identities=8, num_images=4),
    dataset=dict(**_base_.synth_b, split='train', labelled=False, transforms=augmented)))
val_dataloader = dict(target=dict(
    num_workers=1, dataset=dict(**_base_.synth_b, split='query+gallery', transforms=[resize])))
val_cfg = dict(adabn='target', both=True)
