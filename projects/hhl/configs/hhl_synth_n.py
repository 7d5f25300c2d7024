"""HHL on the built-in rendered people: summer cameras -> night cameras.

As hhl_synth.py; only what differs.

Needs:   the copies of StarGAN: projects/stargan_camstyle/configs/stargan_synth_n.py, then
         write_copies.py; else as configs/gcl_synth.py.
Result:  not yet measured.   Cost: as hhl_synth.py.
"""
_base_ = ['hhl_synth.py']

target = night = dict(domain='synth_n')
train_dataloader = dict(
    target=dict(dataset=dict(dataset=night)), adabn=dict(dataset=night))
val_dataloader = dict(target=dict(dataset=night))
