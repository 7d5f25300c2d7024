"""CamStyle on Market-1501 at the published sizes, with the published copies or StarGAN's.

Baseline:          --cfg-options model.loss_weights.copies=0 'train_cfg.stages.0.loaders=[identity]'
Without smoothing: --cfg-options model.copies_cross_entropy.epsilon=0
Random erasing:    --cfg-options train_dataloader.identity.dataset.transforms.2.prob=0.5 \
                       train_dataloader.copies.dataset.dataset.transforms.2.prob=0.5
StarGAN's copies:  --cfg-options \
                       train_dataloader.copies.dataset.copies=bounding_box_train_camstyle_stargan4reid

Needs:   data/market1501 with bounding_box_train_camstyle (CycleGAN for each pair of cameras,
         published with the paper), ImageNet weights.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/camstyle.py']

# ---- model ----
model = dict(networks=dict(
    E_c=dict(trunk='resnet50', weights='imagenet'),  # pool5
    H=dict(in_dim=2048, out_dim=1024),
    C=dict(in_dim=1024, num_identities=751)))

# ---- optimisation ----
sgd = dict(type='SGD', momentum=0.9, nesterov=True, weight_decay=5e-4)
optim_wrapper = dict(E=dict(networks=['E_c'], lr=0.01, **sgd),
                     H=dict(networks=['H', 'C'], lr=0.1, **sgd))

# ---- stages: 50 passes over the real images, 101 iterations each, 40 at the full rate ----
fall = dict(milestones=[4040], gamma=0.1)
train_cfg = dict(stages=[
    dict(name='camstyle', iters=5050, loaders=['identity', 'copies'], eval_every=1010,
         lr=dict(E=fall, H=fall))])

# ---- data: M = 128 real images, N = 46 copies (the authors' command; the paper says 3 : 1) ----
resize = dict(type='Resize', size=(256, 128))
augmented = [dict(type='RandomRectCrop', size=(256, 128)), dict(type='RandomFlip', prob=0.5),
             dict(type='RandomErase', prob=0.0)]     # 0.5: the published third row
real = dict(**_base_.market1501, split='train', transforms=augmented)
train_dataloader = dict(
    identity=dict(batch_size=128, dataset=real),
    copies=dict(batch_size=46, dataset=dict(num_cameras=6, dataset=real)))
val_dataloader = dict(target=dict(
    dataset=dict(**_base_.market1501, split='query+gallery', transforms=[resize])))
