"""29 November, 5: setting 1, L1 and feature loss 1 : 1.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/november.py']

optim_wrapper = dict(G=dict(weight_decay=1e-3))
train_cfg = dict(stages=_base_.setting1)
train_dataloader = dict(profile=dict(
    batch_size=16, dataset=dict(dataset=dict(protocol='setting1'))))
