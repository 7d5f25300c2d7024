"""Colour histograms of six stripes, on all domains: what needs no learning at all.

    python tools/test.py configs/baselines/color_histogram.py

Needs:   nothing; the people are rendered on first use.
Result:  mAP 7.5 on synth_a, 5.9 on synth_b, 2.2 on synth_n.
Cost:    under a minute, rendering apart.
"""
_base_ = ['../_base_/runtime.py', '../_base_/datasets.py']

model = dict(
    type='IdentityModel',
    networks=dict(E_c=dict(type='ColorHistogram')),
    data_preprocessor=dict(type='BatchNormalizer', mean=(0, 0, 0), std=(1, 1, 1)))

test_loader = dict(batch_size=128, num_workers=1, collate_fn=dict(type='default_collate'),
                   sampler=dict(type='DefaultSampler', shuffle=False))
resize = dict(type='Resize', size=(128, 64))
val_dataloader = dict(
    target=dict(**test_loader, dataset=dict(
        **_base_.synth_b, split='query+gallery', transforms=[resize])),
    source=dict(**test_loader, dataset=dict(
        **_base_.synth_a, split='query+gallery', transforms=[resize])),
    night=dict(**test_loader, dataset=dict(
        **_base_.synth_n, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
