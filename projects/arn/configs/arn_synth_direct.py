"""Direct transfer of ARN's networks: E_I, E_C and C_S by the labels of the source alone; AdaBN.

What ARN has to beat. The target's images are read by AdaBN alone.

Needs:   as arn_synth.py.
Result:  mAP / rank-1 47.7 / 65.8, AdaBN 57.0 / 72.9 (three seeds).
Cost:    two thirds of arn_synth.py.
"""
_base_ = ['./arn_synth.py']

model = dict(loss_weights=dict(recon=0.0, diff=0.0))

fall = dict(milestones=[470], gamma=0.1)
train_cfg = dict(stages=[
    dict(name='new_parts', iters=100, loaders=['source'], frozen=['E_I']),
    dict(name='arn', title='direct transfer', iters=700, loaders=['source'], eval_every=700,
         lr=dict(I=dict(warmup=45, **fall), E=fall, C=fall))])
