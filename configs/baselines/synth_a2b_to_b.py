"""Oracle of a perfect translation: the people of A under the cameras of B, tested on B.

Needs:   nothing; as gcl_synth.py.
Result:  mAP 73.4, rank-1 86.6 (seed 0).   Cost: about 4 minutes on two CPU cores, rendering apart.
"""
_base_ = ['../_base_/runtime.py', '../_base_/datasets.py', '../_base_/identity_synth.py']

default_hooks = dict(logger=dict(interval=30))

train_dataloader = dict(
    identity=dict(**_base_.identity_loader, dataset=dict(
        **_base_.synth_a2b, split='train', transforms=_base_.augmented)))

val_dataloader = dict(
    target=dict(**_base_.test_loader, dataset=dict(
        **_base_.synth_b, split='query+gallery', transforms=[_base_.resize])))
