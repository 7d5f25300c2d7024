"""BEGAN on the rendered people with gamma 0.9 instead of 0.5: is it more diverse?

Needs:   as began_synth_people.py.
Result:  not yet measured.   Cost: made for 30 minutes of two CPU cores, rendering apart.
"""
_base_ = ['./began_synth_people.py']

model = dict(equilibrium=dict(gamma=0.9))
