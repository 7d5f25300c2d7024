"""ARN with the paper's warm-up: in the first epochs only E_I is trained.

At its rate that changes next to nothing, and the encoders after it are as they started. How many
epochs, the paper does not say.

Needs:   as arn_duke2market.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./arn_duke2market.py']

train_cfg = dict(stages=[
    dict(name='base', iters=5160, loaders=['source', 'target'],
         frozen=['E_T', 'E_C', 'E_S', 'D_C', 'C_S']),
    dict(name='arn', iters=46440, loaders=['source', 'target'], eval_every=5160)])
