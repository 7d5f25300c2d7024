"""ARN's third row, reconstruction and labels: nothing keeps private and shared parts apart.

Needs:   as arn_synth.py.
Result:  mAP / rank-1 54.1 / 72.8, AdaBN 57.8 / 74.1 (seed 0).   Cost: as arn_synth.py.
"""
_base_ = ['./arn_synth.py']

model = dict(loss_weights=dict(diff=0.0))
