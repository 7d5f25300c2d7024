"""gcl_camera_proxies to the night cameras, `synth_n`; only what differs.

Needs:   as gcl_camera_synth_n.py.
Result:  docs/results/camera_bn.md, its stages in two commands.   Cost: as gcl_camera_proxies.py.
"""
_base_ = ['gcl_camera_proxies.py']

target = night = dict(domain='synth_n')

model = dict(bank_t=dict(num_samples=1206))      # training images of N
train_dataloader = dict(
    target=dict(dataset=night), clusters=dict(dataset=night),
    oracle=dict(dataset=dict(second=dict(domain='synth_a2n'))))
val_dataloader = dict(target=dict(dataset=night))
