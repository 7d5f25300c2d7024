"""IDE on the rendered people, summer to winter cameras: ide_market2duke.py at a size for a CPU.

Beside it synth_a_to_b.py is BNNeck: batch-hard triplets, label smoothing, batch norm before C.

Needs:   nothing; as gcl_synth.py.
Result:  mAP 38.8, AdaBN 48.5, means of three seeds. docs/results/identity_baselines.md.
Cost:    12 minutes of one CPU core, rendering apart.
"""
_base_ = ['./synth_a_to_b.py']

model = dict(
    feature='pre_bn',                                # the pooled map
    networks=dict(
        E_c=dict(neck=False, last_stride=2),
        H=dict(type='EmbeddingHead', in_dim=1280, out_dim=512, slope=0.1, dropout=0.5),
        C=dict(in_dim=512, bias=True)),
    cross_entropy=dict(epsilon=0.0),
    loss_weights=dict(triplet=0.0))
sgd = dict(type='SGD', momentum=0.9, nesterov=True, weight_decay=5e-4)
optim_wrapper = dict(_delete_=True, constructor='OptimizerPerGroup',
                     E=dict(networks=['E_c'], lr=0.01, **sgd),
                     H=dict(networks=['H', 'C'], lr=0.1, **sgd))
fall = dict(milestones=[600], gamma=0.1)             # two thirds at full rate, as published
train_cfg = dict(stages=[dict(name='identity', iters=900, loaders=['identity'], eval_every=900,
                              lr=dict(E=fall, H=fall))])

train_dataloader = dict(identity=dict(
    sampler=dict(_delete_=True, type='ShuffleSampler'),
    dataset=dict(transforms=[dict(type='ResizeRandomCrop', enlarged=(144, 72), size=(128, 64)),
                             dict(type='RandomFlip', prob=0.5)])))
