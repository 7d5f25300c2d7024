"""Direct transfer and AdaBN, summer to night cameras: what adaptation has to beat.

As synth_a_to_b.py; only what differs.

Needs:   nothing; as gcl_synth.py.
Result:  docs/results/synth_a_to_n.md and camera_bn.md.   Cost: as synth_a_to_b.py.
"""
_base_ = ['synth_a_to_b.py']

night = dict(domain='synth_n')
train_dataloader = dict(target=dict(dataset=night))
val_dataloader = dict(target=dict(dataset=night))
