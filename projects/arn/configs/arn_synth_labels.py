"""ARN's third row, reconstruction and labels: nothing keeps private and shared parts apart.

Needs:   as arn_synth.py.
Result:  mAP / rank-1 54.7 / 70.4, AdaBN 57.0 / 72.9 (three seeds).   Cost: as arn_synth.py.
"""
_base_ = ['./arn_synth.py']

model = dict(loss_weights=dict(diff=0.0))
