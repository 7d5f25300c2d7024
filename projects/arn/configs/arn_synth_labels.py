"""ARN's third row, reconstruction and labels: nothing keeps private and shared parts apart.

Needs:   as arn_synth.py.
Result:  not yet measured.   Cost: as arn_synth.py.
"""
_base_ = ['./arn_synth.py']

model = dict(loss_weights=dict(diff=0.0))
