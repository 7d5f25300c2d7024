"""CrossDomainGCL on the built-in rendered people: summer cameras (labelled) -> night cameras.

As gcl_synth.py; only what differs. The night has street lamps: how much light a body's parts get,
and what is mixed of red, green and blue, depends on the place and the lamp, which no change of a
picture's colours undoes.

Needs:   as gcl_synth.py.
Result:  docs/results/camera_bn.md.   Cost: as gcl_synth.py.
"""
_base_ = ['gcl_synth.py']

target = night = dict(domain='synth_n')

model = dict(bank_t=dict(num_samples=1206))      # training images of N
train_dataloader = dict(target=dict(dataset=night), clusters=dict(dataset=night))
val_dataloader = dict(target=dict(dataset=night))
