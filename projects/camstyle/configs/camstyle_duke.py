"""CamStyle on DukeMTMC-reID at the published sizes; variants as of camstyle_market.py.

Needs:   data/dukemtmc with bounding_box_train_camstyle, ImageNet weights.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./camstyle_market.py']

model = dict(networks=dict(C=dict(num_identities=702)))

# ---- stages: 50 passes over the real images, 129 iterations each, 40 at the full rate ----
fall = dict(milestones=[5160], gamma=0.1)
train_cfg = dict(stages=[
    dict(name='camstyle', iters=6450, loaders=['identity', 'copies'], eval_every=1290,
         lr=dict(E=fall, H=fall))])

# ---- data ----
duke = dict(type='DukeMTMC', root='{dukemtmc}')
train_dataloader = dict(
    identity=dict(dataset=duke),
    copies=dict(dataset=dict(num_cameras=8, dataset=duke)))
val_dataloader = dict(target=dict(dataset=duke))
