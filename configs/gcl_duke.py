"""GCL on DukeMTMC-reID without labels, published sizes and schedule, epochs as iterations.

An epoch is a pass over all 16,522 images, 1032 batches of 16; in the published code it is shorter
by the outliers, which are not drawn here either.

Needs:   data/dukemtmc and its meshes rendered at eight sides (docs/data.md); E_c warmed up:
         weights/warm_up_dukemtmc.pth, or --cfg-options model.networks.E_c.weights=PATH, such as
         work_dirs/warmup_duke/stage_warm_up.pth, what configs/warmup_duke.py ends with.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['_base_/gcl_single.py']

target = _base_.dukemtmc

model = dict(
    networks=dict(E_c=dict(weights=['{weights}/warm_up_dukemtmc.pth'])),
    bank=dict(num_samples=16522))                # training images

# ---- stages, in iterations ----
tenth_10320 = dict(milestones=[10320], gamma=0.1)  # 10 epochs
train_cfg = dict(stages=[
    dict(name='generators', iters=41280,         # 40 epochs
         phases=['D', 'G'], loaders=['target'], frozen=['E_c'], loss_weights=dict(memory=0),
         baselines=['direct']),                  # the warm-up's row in the report
    dict(name='joint', iters=20640,              # 20 epochs
         phases=['D', 'G'], loaders=['target'], labels='cluster', eval_every=1032,
         lr=dict(D=tenth_10320, G=tenth_10320, E_c=tenth_10320))])
default_hooks = dict(pseudo_label=dict(interval=1032))

# ---- data: all seven views; the published code never draws 315, views=[45, ..., 270] ----
train_dataloader = dict(target=dict(dataset=dict(
    **target, split='train', labelled=False, transforms=_base_.train_transforms,
    pose_map=dict(type='RenderedMesh', root='{mesh}/duke',
                  views=[45, 90, 135, 180, 225, 270, 315]))))
val_dataloader = dict(target=dict(dataset=dict(
    **target, split='query+gallery', transforms=_base_.test_transforms)))
