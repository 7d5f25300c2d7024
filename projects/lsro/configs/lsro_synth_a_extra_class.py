"""Comparison of lsro_synth_a.py: generated images are one more class, the 121st.

    python tools/train.py projects/lsro/configs/lsro_synth_a_extra_class.py \
        --first-stage extra_class --load-from work_dirs/lsro_synth_a/stage_dcgan.pth

Needs:   as lsro_synth_a.py.
Result:  not yet measured.   Cost: made for 5 minutes of two CPU cores, without the DCGAN.
"""
_base_ = ['./lsro_synth_a.py']

model = dict(
    networks=dict(C=dict(type='ExtraClassClassifier')),
    generated_loss=dict(type='ExtraClassLabel'))

train_cfg = dict(stages=[
    _base_.dcgan_stage,
    dict(name='extra_class', title='an extra class, once', loaders=dict(identity='once'),
         **_base_.once)])
