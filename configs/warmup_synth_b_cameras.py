"""Warm-up of E_c on `synth_b` without labels: camera-aware proxies (Wang et al., AAAI 2021).

As warmup_synth_b.py, with a proxy for each cluster and camera: the intra-camera loss alone in the
first tenth, as published, then the inter-camera loss beside it. GCL starts from what it ends with:

    reidgen train configs/warmup_synth_b_cameras.py
    reidgen train configs/gcl_synth_b.py --cfg-options \
        model.networks.E_c.weights=work_dirs/warmup_synth_b_cameras/stage_warm_up.pth

Needs:   as warmup_synth_b.py.
Result:  mAP 84.9, mean of three seeds; supervised 83.1. docs/results/gcl_synth_b.md.
Cost:    some 15 minutes of one CPU core, rendering apart.
"""
_base_ = ['./warmup_synth_b.py']

model = dict(
    contrast=dict(temperature=0.07, same_camera=True),
    inter=dict(type='InterCameraContrast', temperature=0.07, num_negatives=50),
    bank=dict(per_camera=True, momentum=0.2),
    loss_weights=dict(cluster=1.0, inter=0.5))

# ---- stages, in iterations of 8 proxies x 4 images ----
stage = dict(loaders=['target'], labels='cluster')
train_cfg = dict(stages=[
    dict(name='intra', title='intra-camera loss', iters=120, loss_weights=dict(inter=0),
         baselines=['direct', 'adabn'], lr=dict(E_c=dict(warmup=40)), **stage),
    dict(name='warm_up', title='camera-aware proxies', iters=880, eval_every=440,
         lr=dict(E_c=dict(milestones=[580], gamma=0.1)), **stage)])

train_dataloader = dict(target=dict(sampler=dict(type='ProxySampler')))
