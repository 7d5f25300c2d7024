"""ARN's second row, without labels: reconstruction, and private parts apart from the shared one.

Needs:   as arn_synth.py.
Result:  mAP / rank-1 2.1 / 1.8, AdaBN 2.1 / 2.3 (three seeds).   Cost: as arn_synth.py.
"""
_base_ = ['./arn_synth.py']

model = dict(loss_weights=dict(identity=0.0, contrast=0.0))
