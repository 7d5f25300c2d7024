"""Comparison of LSRO on Market-1501: generated images are one more class, the 752nd.

    python tools/train.py projects/lsro/configs/lsro_market_extra_class.py \
        --first-stage extra_class --load-from work_dirs/lsro_market/stage_dcgan.pth

Without the second line it trains a DCGAN of its own.

Needs:   as lsro_market.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./lsro_market.py']

model = dict(
    networks=dict(C=dict(type='ExtraClassClassifier')),
    generated_loss=dict(type='ExtraClassLabel'))

fall_mixed = dict(milestones=[23080], gamma=0.1)
train_cfg = dict(stages=[
    _base_.dcgan_stage,
    dict(name='extra_class', iters=28850, phases=['I'], loaders=dict(identity='mixed'),
         start='dcgan', eval_every=5770, lr=dict(E=fall_mixed, C=fall_mixed))])
