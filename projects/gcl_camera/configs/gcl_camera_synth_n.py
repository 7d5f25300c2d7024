"""CameraGCL on the built-in rendered people: summer cameras (labelled) -> night cameras.

As gcl_camera_synth.py; only what differs.

Needs:   as gcl_camera_synth.py.
Result:  docs/results/synth_a_to_n.md and camera_bn.md.   Cost: as gcl_camera_synth.py.
"""
_base_ = ['gcl_camera_synth.py']

target = night = dict(domain='synth_n')
oracle = dict(domain='synth_a2n')

model = dict(bank_t=dict(num_samples=1206))      # training images of N
train_dataloader = dict(
    target=dict(dataset=night), clusters=dict(dataset=night),
    oracle=dict(dataset=dict(second=oracle)))
val_dataloader = dict(target=dict(dataset=night))
