"""BEGAN on sports people with gamma 0.9 instead of 0.5: is it more diverse?

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./began_lsp.py']

model = dict(equilibrium=dict(gamma=0.9))
train_cfg = dict(stages=[dict(iters=17000, **_base_.stage)])
