"""BEGAN on faces with the paper's rate: halved where M, the measure of convergence, stalls.

From 1e-4, the upper end of the paper's range, not below 2e-5 as in BEGAN-tensorflow. The paper does
not say what a stall is; see PlateauLRHook.

Needs:   CelebA, aligned (data_roots.faces).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./began_face.py']

optim_wrapper = dict(G=dict(lr=1e-4), D=dict(lr=1e-4))
train_cfg = dict(stages=[dict(name='gan', iters=100000, loaders=['real'])])
default_hooks = dict(plateau=dict(type='PlateauLRHook', stage='gan', term='D/stat.M', floor=0.2))
