"""Trained on a translated copy of synth_a, tested on B: what a translation is worth.

    python tools/train.py configs/baselines/synth_translated_to_b.py \
        --cfg-options data_roots.translated=FOLDER        (layout and file names of synth_a)

Needs:   the copy; else as gcl_synth.py.
Result:  README.md, "Learning via translation".
Cost:    about 5 minutes on two CPU cores, rendering apart.
"""
_base_ = ['../_base_/runtime.py', '../_base_/datasets.py', '../_base_/identity_synth.py']

default_hooks = dict(logger=dict(interval=30))

train_dataloader = dict(
    identity=dict(**_base_.identity_loader, dataset=dict(
        type='FolderReID', layout='market', root='{translated}', name='translated',
        split='train', transforms=_base_.augmented)),
    target=dict(**_base_.test_loader, dataset=dict(      # for AdaBN alone
        **_base_.synth_b, split='train', transforms=[_base_.resize], labelled=False)))

val_dataloader = dict(
    target=dict(**_base_.test_loader, dataset=dict(
        **_base_.synth_b, split='query+gallery', transforms=[_base_.resize])))
val_cfg = dict(adabn='target', both=True)
