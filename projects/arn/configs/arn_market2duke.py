"""ARN, Market-1501 (labelled) -> DukeMTMC-reID (unlabelled); else as arn_duke2market.py.

Needs:   as arn_duke2market.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./arn_duke2market.py']

model = dict(networks=dict(C_S=dict(num_identities=751)))

# ---- stages: as many passes; 808 iterations are one ----
train_cfg = dict(stages=[
    dict(name='new_parts', iters=4040, loaders=['source', 'target'], frozen=['E_I']),
    dict(name='arn', iters=36360, loaders=['source', 'target'], eval_every=4040)])

# ---- data ----
market, duke = _base_.market1501, _base_.dukemtmc
train_dataloader = dict(
    source=dict(dataset=market), target=dict(dataset=duke), adabn=dict(dataset=duke))
val_dataloader = dict(target=dict(dataset=duke))
