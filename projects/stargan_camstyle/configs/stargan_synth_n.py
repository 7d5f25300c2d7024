"""StarGAN between the six night cameras of the rendered people, sized for two CPU cores.

As stargan_synth_b.py; only what differs.

Needs:   as stargan_synth_b.py.
Result:  not yet measured.   Cost: as stargan_synth_b.py.
"""
_base_ = ['stargan_synth_b.py']

train_dataloader = dict(target=dict(dataset=dict(domain='synth_n')))
