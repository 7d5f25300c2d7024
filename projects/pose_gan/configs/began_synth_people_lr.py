"""BEGAN on the rendered people at half the rate: is it more diverse?

Needs:   as began_synth_people.py.
Result:  not yet measured.   Cost: made for 30 minutes of two CPU cores, rendering apart.
"""
_base_ = ['./began_synth_people.py']

optim_wrapper = dict(G=dict(lr=1e-4), D=dict(lr=1e-4))
