"""Comparison of LSRO on Market-1501: a generated image is of the identity that it looks most like.

    python tools/train.py projects/lsro/configs/lsro_market_pseudo.py \
        --first-stage pseudo --load-from work_dirs/lsro_market/stage_dcgan.pth

Without the second line it trains a DCGAN of its own.

Needs:   as lsro_market.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./lsro_market.py']

model = dict(generated_loss=dict(type='PseudoLabel'), loss_weights=dict(generated=0.1))

fall_mixed = dict(milestones=[23080], gamma=0.1)
train_cfg = dict(stages=[
    _base_.dcgan_stage,
    dict(name='pseudo', iters=28850, phases=['I'], loaders=dict(identity='mixed'), start='dcgan',
         eval_every=5770, lr=dict(E=fall_mixed, C=fall_mixed))])
