"""Smoke test of CamStyle: two iterations of tiny networks on figures drawn in memory.

The copies are jittered instead of translated, so that no StarGAN is needed.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['./_base_/camstyle.py']

shapes = dict(type='ShapesReID', num_identities=4, images_per_identity=4, size=(64, 32))

# ---- model ----
model = dict(networks=dict(
    E_c=dict(trunk='mobilenet_v2', weights=None),
    H=dict(in_dim=1280, out_dim=32),
    C=dict(in_dim=32, num_identities=4)))

# ---- optimisation ----
sgd = dict(type='SGD', momentum=0.9, nesterov=True, weight_decay=5e-4)
optim_wrapper = dict(E=dict(networks=['E_c'], lr=0.01, **sgd),
                     H=dict(networks=['H', 'C'], lr=0.1, **sgd))

# ---- stages ----
fall = dict(milestones=[1], gamma=0.1)
train_cfg = dict(stages=[
    dict(name='camstyle', iters=2, loaders=['identity', 'copies'], eval_every=2,
         lr=dict(E=fall, H=fall))])
default_hooks = dict(logger=dict(interval=1))

# ---- data ----
resize = dict(type='Resize', size=(64, 32))
augmented = [dict(type='RandomRectCrop', size=(64, 32)), dict(type='RandomFlip', prob=0.5)]
real = dict(**shapes, split='train', transforms=augmented)
train_dataloader = dict(
    identity=dict(batch_size=6, num_workers=0, dataset=real),
    copies=dict(batch_size=2, num_workers=0, dataset=dict(
        num_cameras=2, copies=None, dataset=real,
        jitter=[dict(type='ColorJitter', brightness=0.3, saturation=0.3)])))
val_dataloader = dict(target=dict(
    batch_size=16, num_workers=0,
    dataset=dict(**shapes, split='query+gallery', transforms=[resize])))
