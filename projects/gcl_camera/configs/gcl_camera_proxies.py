"""GCL by camera, then camera-aware proxies (Wang et al., AAAI 2021): the full variant.

identity -> generators -> memory -> proxies, where gcl_camera_synth.py clusters without cameras and
for a fifth as long. A cluster has a proxy for each of its cameras. A batch of the last stages is
two groups of four proxies, each of one camera, and batch norm normalises each group by itself, as
tests and clustering take the statistics of each camera (Zhuang et al., ECCV 2020). The same proxies
after other starts, or none: configs/warmup_synth_b_camera_bn.py.

Needs:   as gcl_camera_synth.py.
Result:  docs/results/camera_bn.md, its stages in two commands.
Cost:    made for 15 minutes of two CPU cores.
"""
_base_ = ['gcl_camera_synth.py']

# ---- model ----
model = dict(
    type='ProxyGCL',
    proxies=dict(type='ProxyContrast', temperature=0.07, same_camera=True),
    inter=dict(type='InterCameraContrast', temperature=0.07, num_negatives=50),
    bank_t=dict(type='CentroidBank', per_camera=True),
    loss_weights=dict(inter=0.5))

# ---- optimisation: as configs/warmup_synth_b_cameras.py ----
optim_wrapper = dict(
    M=dict(phases=['M']),
    T=dict(networks=['E_c'], phases=['T', 'B'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# ---- stages, in iterations of 8 proxies x 4 images; the intra-camera loss alone at first ----
proxies = dict(phases=['T'], loaders=['clusters'], labels='cluster', bn_group=16)
identity, _, _, generators, memory, _ = _base_.train_cfg.stages
train_cfg = dict(
    stages=[
        dict(identity), dict(generators),
        dict(memory, baselines=['direct', 'adabn', 'adabn_camera']),
        dict(name='intra', iters=120, loss_weights=dict(inter=0), lr=dict(T=dict(warmup=40)),
             **proxies),
        dict(name='proxies', title='GCL, then proxies', iters=880, eval_every=880,
             lr=dict(T=dict(milestones=[580], gamma=0.1)), **proxies)])
default_hooks = dict(
    pseudo_label=dict(interval=40, clustering=dict(k1=10, k2=3, min_samples=2)),
    checkpoint=dict(best_stages=['proxies']))
train_dataloader = dict(clusters=dict(sampler=dict(type='ProxySampler', num_groups=2)))
