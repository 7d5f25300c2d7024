"""SPGAN on the built-in rendered people: summer cameras -> night cameras and back.

As spgan_synth.py; only what differs.

Needs:   as spgan_synth.py.
Result:  not yet measured.   Cost: as spgan_synth.py.
"""
_base_ = ['spgan_synth.py']

target = night = dict(domain='synth_n')
train_dataloader = dict(target=dict(dataset=night))
