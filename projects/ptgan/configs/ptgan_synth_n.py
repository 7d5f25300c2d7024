"""PTGAN on the built-in rendered people: summer cameras -> night cameras and back.

As ptgan_synth.py; only what differs.

Needs:   as ptgan_synth.py.
Result:  not yet measured.   Cost: as ptgan_synth.py.
"""
_base_ = ['ptgan_synth.py']

target = night = dict(domain='synth_n')
train_dataloader = dict(target=dict(dataset=night))
