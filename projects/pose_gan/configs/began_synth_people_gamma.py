"""BEGAN on the rendered people with gamma 0.9 instead of 0.5: is it more diverse?

Needs:   as began_synth_people.py.
Result:  KID 826, rho 0.61: blurred persons (docs/results/pose_gan.md).
Cost:    half an hour of one CPU core, rendering apart.
"""
_base_ = ['./began_synth_people.py']

model = dict(equilibrium=dict(gamma=0.9))
