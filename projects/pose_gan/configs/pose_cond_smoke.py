"""Smoke test of PoseTranslation: four iterations of tiny networks on figures drawn in memory.

Needs:   nothing.
Cost:    seconds. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['./_base_/pose_cond.py']

model = dict(
    map_channels=1,
    networks=dict(
        G=dict(base_dim=4, num_halvings=3),
        D=dict(base_dim=4, num_layers=1, norm=None)))
train_cfg = dict(stages=[dict(name='gan', iters=4, loaders=['real'])])
default_hooks = dict(logger=dict(interval=1), grid=dict(interval=4, num_images=4))
train_dataloader = dict(real=dict(batch_size=4, num_workers=0, dataset=dict(
    type='ShapesReID', num_identities=4, size=(16, 8), labelled=False,
    pose_map=dict(type='ShapesMap', views=[]))))
