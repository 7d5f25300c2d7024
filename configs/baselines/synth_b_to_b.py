"""Upper bound: trained and tested under the winter cameras, with labels.

Needs:   nothing; as gcl_synth.py.
Result:  mAP 82.7, rank-1 94.5 (seed 0).   Cost: about 4 minutes on two CPU cores, rendering apart.
"""
_base_ = ['../_base_/runtime.py', '../_base_/datasets.py', '../_base_/identity_synth.py']

default_hooks = dict(logger=dict(interval=30))

train_dataloader = dict(
    identity=dict(**_base_.identity_loader, dataset=dict(
        **_base_.synth_b, split='train', transforms=_base_.augmented)),
    target=dict(**_base_.test_loader, dataset=dict(      # for AdaBN alone
        **_base_.synth_b, split='train', transforms=[_base_.resize], labelled=False)))

val_dataloader = dict(
    target=dict(**_base_.test_loader, dataset=dict(
        **_base_.synth_b, split='query+gallery', transforms=[_base_.resize])))
val_cfg = dict(adabn='target', both=True)
