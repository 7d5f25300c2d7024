"""Supervised in the source domain: trained and tested under the summer cameras.

Needs:   nothing; as gcl_synth.py.
Result:  mAP 90.1, rank-1 96.1 (seed 0, in a run of synth_a_to_b.py, the same training).
Cost:    about 4 minutes on two CPU cores, rendering apart.
"""
_base_ = ['../_base_/runtime.py', '../_base_/datasets.py', '../_base_/identity_synth.py']

default_hooks = dict(logger=dict(interval=30))

train_dataloader = dict(
    identity=dict(**_base_.identity_loader, dataset=dict(
        **_base_.synth_a, split='train', transforms=_base_.augmented)))

val_dataloader = dict(
    target=dict(**_base_.test_loader, dataset=dict(
        **_base_.synth_a, split='query+gallery', transforms=[_base_.resize])))
