"""December 1_7: no L1, unpaired.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/december.py']

model = dict(
    networks=dict(D=dict(in_channels=3)),
    d_input='face',
    reals='front',
    loss_weights=dict(l1=0.0))
train_cfg = dict(stages=[dict(_base_.gan, iters=14000)])    # no L1 to begin with
train_dataloader = dict(
    profile=dict(dataset=dict(_delete_=True, **_base_.profiles)),
    front=dict(batch_size=5, dataset=_base_.fronts, **_base_.loader))
