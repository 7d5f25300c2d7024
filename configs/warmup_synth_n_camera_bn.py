"""warmup_synth_b_camera_bn on the night cameras, `synth_n`; only what differs.

Needs:   as warmup_synth_b.py.
Result:  docs/results/camera_bn.md.   Cost: as warmup_synth_b_cameras.py.
"""
_base_ = ['./warmup_synth_b_camera_bn.py']

night = dict(domain='synth_n')
model = dict(bank=dict(num_samples=1206))                       # training images of N
train_dataloader = dict(target=dict(dataset=night))
val_dataloader = dict(target=dict(dataset=night))
