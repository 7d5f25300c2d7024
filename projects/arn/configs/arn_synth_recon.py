"""ARN's first row, reconstruction alone: E_C and D_C learn to keep the map of a fixed E_I.

Without E_T and E_S, D_C is given the shared part alone.

Needs:   as arn_synth.py.
Result:  mAP / rank-1 6.1 / 11.2, AdaBN 3.6 / 4.2 (three seeds).   Cost: as arn_synth.py.
"""
_base_ = ['./arn_synth.py']

network = _base_.networks
model = dict(
    networks=dict(_delete_=True, E_I=network.E_I, E_C=network.E_C, D_C=network.D_C),
    loss_weights=dict(identity=0.0, contrast=0.0, diff=0.0))
optim_wrapper = dict(_delete_=True, constructor='OptimizerPerGroup',
                     E=dict(networks=['E_C', 'D_C'], lr=3.5e-4, **_base_.adam))

train_cfg = dict(stages=[
    dict(name='arn', iters=800, loaders=['source', 'target'], frozen=['E_I'], eval_every=800,
         lr=dict(E=dict(milestones=[570], gamma=0.1)))])
