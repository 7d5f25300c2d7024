"""PPLR on Market-1501 without labels and without cameras (Cho et al., CVPR 2022).

Sizes and schedule as published: 384 x 128, 64 = 16 x 4 images, 50 epochs of 400 iterations, a tenth
every 20 epochs, labels of parts smoothed from epoch 5, here those of images, too. Its triplet loss
is left out.

Needs:   data/market1501, ImageNet weights (README, "Data").
Result:  not yet measured.   Cost: not yet measured; made for one GPU.
"""
_base_ = ['../../../configs/_base_/cluster_contrast.py']
custom_imports = dict(imports=['projects.pplr.pplr'])

target = _base_.market1501

model = dict(
    type='PPLR', refined_stages=['refined'],
    networks=dict(E_c=dict(_delete_=True, type='PartEncoder', trunk='resnet50', num_parts=3,
                           weights='imagenet')),
    contrast=dict(type='PartRefinedContrast', beta=0.5),
    bank=dict(type='PartCentroidBank', num_samples=12936, dim=2048, num_parts=3,
              num_neighbours=20),
    loss_weights=dict(part=1.0))

# ---- stages, clustered before each epoch of 400 iterations ----
stage = dict(loaders=['target'], labels='cluster')
train_cfg = dict(stages=[
    dict(name='parts', iters=2000, **stage),
    dict(name='refined', title='PPLR', iters=18000, eval_every=2000,
         lr=dict(E_c=dict(milestones=[6000, 14000], gamma=0.1)), **stage)])
default_hooks = dict(pseudo_label=dict(
    type='PartPseudoLabelHook', interval=400, clustering=dict(eps=0.5)))

# ---- data ----
resize = dict(type='Resize', size=(384, 128))
augmented = [resize, *_base_.identity_transforms[1:]]
train_dataloader = dict(target=dict(
    batch_size=64, sampler=dict(num_images=4),
    dataset=dict(**target, split='train', labelled=False, transforms=augmented)))
val_dataloader = dict(target=dict(
    dataset=dict(**target, split='query+gallery', transforms=[resize])))
