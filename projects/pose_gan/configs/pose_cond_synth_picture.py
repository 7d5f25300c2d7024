"""Heatmaps of fourteen joints to rendered people: `pose_cond_synth.py` the other way.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  65 % of the joints asked for, KID 564 (docs/results/pose_gan.md).
Cost:    ten minutes of one CPU core, rendering apart.
"""
_base_ = ['./pose_cond_synth.py']

model = dict(direction='to_picture', loss_weights=dict(l1=100.0, l2=0.0))
