"""BEGAN on sports people at half the rate: is it more diverse?

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./began_lsp.py']

optim_wrapper = dict(G=dict(lr=4e-5), D=dict(lr=4e-5))
train_cfg = dict(stages=[dict(iters=212000, **_base_.half_rate)])
