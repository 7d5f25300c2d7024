"""BEGAN on coarse street pictures at half the rate: is it more diverse?

Needs:   the coarse pictures of Cityscapes, at a quarter (data_roots.city_coarse).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./began_city_coarse.py']

optim_wrapper = dict(G=dict(lr=4e-5), D=dict(lr=4e-5))
train_cfg = dict(stages=[dict(iters=300000, **_base_.half_rate)])
