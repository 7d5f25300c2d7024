"""gcl_camera_ingredients on the night cameras, `synth_n`, where the proxies leave more to gain.

Needs:   as gcl_camera_synth_n.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['gcl_camera_ingredients.py']

target = night = dict(domain='synth_n')

model = dict(bank_t=dict(num_samples=1206))      # training images of N
pairs = dict(dataset=dict(dataset=night))
train_dataloader = dict(
    target=dict(dataset=night), clusters=dict(dataset=night), twice=pairs, copied=pairs,
    oracle=dict(dataset=dict(second=dict(domain='synth_a2n'))))
val_dataloader = dict(target=dict(dataset=night))
