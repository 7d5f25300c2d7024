"""CycleGAN on the built-in rendered people: summer cameras -> night cameras and back.

As cyclegan_synth.py; only what differs.

Needs:   as cyclegan_synth.py.
Result:  not yet measured.   Cost: as cyclegan_synth.py.
"""
_base_ = ['cyclegan_synth.py']

target = night = dict(domain='synth_n')
train_dataloader = dict(target=dict(dataset=night))
