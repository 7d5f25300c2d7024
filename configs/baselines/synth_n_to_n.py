"""Upper bound: trained and tested under the night cameras, with labels.

As synth_b_to_b.py; only what differs.

Needs:   nothing; as gcl_synth.py.
Result:  docs/results/camera_bn.md.   Cost: as synth_b_to_b.py.
"""
_base_ = ['synth_b_to_b.py']

night = dict(domain='synth_n')
train_dataloader = dict(identity=dict(dataset=night), target=dict(dataset=night))
val_dataloader = dict(target=dict(dataset=night))
