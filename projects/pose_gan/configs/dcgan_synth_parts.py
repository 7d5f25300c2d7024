"""DCGAN on maps of upper, middle and lower third of the rendered people, 64 x 32.

Needs:   as dcgan_synth_people.py.
Result:  not yet measured.   Cost: made for 30 minutes of two CPU cores, rendering apart.
"""
_base_ = ['./dcgan_synth_people.py']

train_dataloader = dict(real=dict(dataset=dict(_delete_=True, **_base_.synth_parts)))
