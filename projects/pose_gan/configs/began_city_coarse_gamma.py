"""BEGAN on coarse street pictures with gamma 0.9 instead of 0.5: is it more diverse?

Needs:   the coarse pictures of Cityscapes, at a quarter (data_roots.city_coarse).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./began_city_coarse.py']

model = dict(equilibrium=dict(gamma=0.9))
train_cfg = dict(stages=[dict(iters=17000, **_base_.stage)])
