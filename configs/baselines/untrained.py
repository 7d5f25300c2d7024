"""ImageNet's MobileNetV2 as it is, on all domains, and on B with that domain's statistics.

    python tools/test.py configs/baselines/untrained.py

Needs:   nothing; as gcl_synth.py.
Result:  mAP 13.8 on synth_a, 11.4 on synth_b, 6.5 on synth_n (ImageNet trunk).
Cost:    about a minute on two CPU cores, rendering apart.
"""
_base_ = ['../_base_/runtime.py', '../_base_/datasets.py']

model = dict(
    type='IdentityModel',
    networks=dict(E_c=dict(
        type='ContentEncoder', trunk='mobilenet_v2', embed_dim=None, neck=False,
        weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet'])))

test_loader = dict(batch_size=128, num_workers=1, collate_fn=dict(type='default_collate'),
                   sampler=dict(type='DefaultSampler', shuffle=False))
resize = dict(type='Resize', size=(128, 64))
train_dataloader = dict(target=dict(**test_loader, dataset=dict(      # for AdaBN alone
    **_base_.synth_b, split='train', transforms=[resize], labelled=False)))
val_dataloader = dict(
    target=dict(**test_loader, dataset=dict(
        **_base_.synth_b, split='query+gallery', transforms=[resize])),
    source=dict(**test_loader, dataset=dict(
        **_base_.synth_a, split='query+gallery', transforms=[resize])),
    night=dict(**test_loader, dataset=dict(
        **_base_.synth_n, split='query+gallery', transforms=[resize])))
val_cfg = dict(type='RetrievalValLoop', adabn='target', both=True)
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
