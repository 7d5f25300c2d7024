"""Heatmaps of fourteen joints to rendered people: `pose_cond_synth.py` the other way.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  not yet measured.   Cost: made for 20 minutes of two CPU cores, rendering apart.
"""
_base_ = ['./pose_cond_synth.py']

model = dict(direction='to_picture', loss_weights=dict(l1=100.0, l2=0.0))
