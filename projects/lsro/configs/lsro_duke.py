"""LSRO on DukeMTMC-reID: ResNet-50 with 24,000 images of DCGAN; options as of lsro_market.py.

Needs:   data/dukemtmc, ImageNet weights.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./lsro_market.py']

model = dict(networks=dict(C=dict(num_identities=702)))

# ---- stages: 30 passes of 258 iterations; 50 of 258 (real) and 633 (40,522), 40 at full rate ----
fall_real, fall_mixed = dict(milestones=[10320], gamma=0.1), dict(milestones=[25320], gamma=0.1)
train_cfg = dict(stages=[
    dict(name='dcgan', iters=7740, phases=['D', 'G'], loaders=['real']),
    dict(name='baseline', iters=12900, phases=['I'], loaders=['identity'], start='dcgan',
         eval_every=2580, lr=dict(E=fall_real, C=fall_real)),
    dict(name='lsro', iters=31650, phases=['I'], loaders=dict(identity='mixed'), start='dcgan',
         eval_every=6330, lr=dict(E=fall_mixed, C=fall_mixed))])

# ---- data ----
duke = dict(type='DukeMTMC', root='{dukemtmc}')
train_dataloader = dict(
    real=dict(dataset=duke),
    identity=dict(dataset=duke),
    mixed=dict(dataset=dict(dataset=duke)))
val_dataloader = dict(target=dict(dataset=duke))
