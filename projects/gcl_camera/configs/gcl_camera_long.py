"""gcl_camera_synth with clusters for as long, and at the learning rate, of gcl_camera_proxies.

What camera-aware proxies do beyond longer training: the last stage has centroids of clusters over
all cameras, and the learning rate starts anew.

Needs:   as gcl_camera_synth.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['gcl_camera_synth.py']

# ---- optimisation and last stage: as gcl_camera_proxies.py, 8 clusters x 4 images ----
optim_wrapper = dict(
    M=dict(phases=['M']),
    T=dict(networks=['E_c'], phases=['T'], type='Adam', lr=3.5e-4, weight_decay=5e-4))
begun = _base_.train_cfg.stages
train_cfg = dict(
    stages=[
        *begun[:5],
        dict(begun[5], name='long', title='GCL, then longer pseudo-labels', iters=1000,
             eval_every=1000, lr=dict(T=dict(warmup=40, milestones=[700], gamma=0.1)))])
default_hooks = dict(checkpoint=dict(best_stages=['long']))
