"""BEGAN on the rendered people at half the rate: is it more diverse?

Needs:   as began_synth_people.py.
Result:  KID 884, rho 0.65: patches of two grounds (docs/results/pose_gan.md).
Cost:    half an hour of one CPU core, rendering apart.
"""
_base_ = ['./began_synth_people.py']

optim_wrapper = dict(G=dict(lr=1e-4), D=dict(lr=1e-4))
