"""pplr_synth_b on the night cameras, `synth_n`; only what differs.

Needs:   as configs/warmup_synth_b.py.
Result:  the project's README.   Cost: half an hour of one CPU core, rendering apart.
"""
_base_ = ['./pplr_synth_b.py']

night = dict(domain='synth_n')
model = dict(bank=dict(num_samples=1206))                       # training images of N
train_dataloader = dict(target=dict(dataset=night))
val_dataloader = dict(target=dict(dataset=night))
