"""warmup_synth_b_cameras with batch-norm statistics by camera, in training, clustering and tests.

A batch is two groups of four proxies, each of one camera, and batch norm normalises each group by
itself (Zhuang et al., ECCV 2020): what a camera does to mean and deviation of a feature is taken
out before features of two cameras meet. From E_c trained on `synth_a`:

    reidgen train configs/warmup_synth_b_camera_bn.py --cfg-options \
        model.networks.E_c.weights=work_dirs/gcl_synth/stage_identity.pth

Needs:   as warmup_synth_b.py.
Result:  not yet measured.   Cost: as warmup_synth_b_cameras.py.
"""
_base_ = ['./warmup_synth_b_cameras.py']

bn_group = 16                                                   # images: 4 proxies x 4
train_dataloader = dict(target=dict(sampler=dict(num_groups=2)))
begun = _base_.train_cfg.stages
train_cfg = dict(stages=[
    dict(begun[0], baselines=['direct', 'adabn', 'adabn_camera']), begun[1]])
val_cfg = dict(adabn_by='camera', both=False, recalibrate=True)
