"""Smoke test: WGAN with critic steps, and L1; six iterations of tiny networks on drawn figures.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['./_base_/gan.py']

figures = dict(type='ShapesReID', num_identities=4, size=(56, 56), labelled=False)
tiny = dict(image_size=56, base_dim=8)
model = dict(
    networks=dict(
        E=dict(_delete_=True, type='FrozenTrunk', network=dict(
            type='ContentEncoder', trunk='mobilenet_v2', embed_dim=None, neck=False)),
        G=dict(code_dim=1280, **tiny),
        D=tiny),
    loss_weights=dict(fea=1.0, l1=1.0))
train_cfg = dict(stages=[
    dict(name='warm_up', iters=4, every=dict(G=4)),
    dict(name='gan', iters=2, every=dict(G=2))])
default_hooks = dict(logger=dict(interval=1), grid=dict(interval=6, num_images=2))
train_dataloader = dict(
    profile=dict(batch_size=2, num_workers=0, dataset=dict(
        _delete_=True, type='TwoViews', dataset=figures, turns=[90])),
    front=dict(batch_size=2, num_workers=0, dataset=dict(_delete_=True, **figures)))
