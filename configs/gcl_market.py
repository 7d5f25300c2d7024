"""GCL on Market-1501 without labels, published sizes and schedule, epochs as iterations.

An epoch is a pass over all 12,936 images, 808 batches of 16; in the published code it is shorter by
the outliers, which are not drawn here either.

Needs:   data/market1501 and its meshes rendered at eight sides (docs/data.md); E_c warmed up:
         weights/warm_up_market1501.pth, or --cfg-options model.networks.E_c.weights=PATH, such as
         work_dirs/warmup_market/stage_warm_up.pth, what configs/warmup_market.py ends with.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['_base_/gcl_single.py']

target = _base_.market1501

model = dict(
    networks=dict(E_c=dict(weights=['{weights}/warm_up_market1501.pth'])),
    bank=dict(num_samples=12936))                # training images

# ---- stages, in iterations ----
tenth_8080 = dict(milestones=[8080], gamma=0.1)  # 10 epochs
train_cfg = dict(stages=[
    dict(name='generators', iters=32320,         # 40 epochs
         phases=['D', 'G'], loaders=['target'], frozen=['E_c'], loss_weights=dict(memory=0),
         baselines=['direct']),                  # the warm-up's row in the report
    dict(name='joint', iters=16160,              # 20 epochs
         phases=['D', 'G'], loaders=['target'], labels='cluster', eval_every=808,
         lr=dict(D=tenth_8080, G=tenth_8080, E_c=tenth_8080))])
default_hooks = dict(pseudo_label=dict(interval=808))

# ---- data: all seven views; the published code never draws 315, views=[45, ..., 270] ----
train_dataloader = dict(target=dict(dataset=dict(
    **target, split='train', labelled=False, transforms=_base_.train_transforms,
    pose_map=dict(type='RenderedMesh', root='{mesh}/market',
                  views=[45, 90, 135, 180, 225, 270, 315]))))
val_dataloader = dict(target=dict(dataset=dict(
    **target, split='query+gallery', transforms=_base_.test_transforms)))
