"""Comparison of lsro_synth_a.py: a generated image is of the identity that it looks most like.

    python tools/train.py projects/lsro/configs/lsro_synth_a_pseudo.py \
        --first-stage pseudo --load-from work_dirs/lsro_synth_a/stage_dcgan.pth

Needs:   as lsro_synth_a.py.
Result:  not yet measured.   Cost: made for 5 minutes of two CPU cores, without the DCGAN.
"""
_base_ = ['./lsro_synth_a.py']

model = dict(generated_loss=dict(type='PseudoLabel'), loss_weights=dict(generated=0.1))

train_cfg = dict(stages=[
    _base_.dcgan_stage,
    dict(name='pseudo', title='pseudo-labels, once', loaders=dict(identity='once'), **_base_.once)])
