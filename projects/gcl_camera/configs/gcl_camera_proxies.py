"""gcl_camera_synth with camera-aware proxies (Wang et al., AAAI 2021): the full variant.

identity -> generators -> memory -> proxies, where gcl_camera_synth.py clusters without cameras and
for a fifth as long. Images are tested, and embedded to be clustered, with the batch-norm statistics
of their camera. Beside it and as long: proxies after the identity stage and after the control,
so that translation is what differs, and `both`, one stage with the memory of translated source
images and the proxies of the target. Without any source: configs/warmup_synth_b_cameras.py.

Needs:   as gcl_camera_synth.py.
Result:  docs/results/camera_bn.md, of direct_proxies, with the domain's statistics.
Cost:    made for 15 minutes of two CPU cores, twice that with the rows beside the main line.
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
tenth_700 = dict(milestones=[700], gamma=0.1)
proxies = dict(phases=['T'], loaders=['clusters'], labels='cluster')
alone = dict(iters=120, loss_weights=dict(inter=0), lr=dict(T=dict(warmup=40)), **proxies)
after = dict(iters=880, eval_every=880, lr=dict(T=dict(milestones=[580], gamma=0.1)), **proxies)
begun = _base_.train_cfg.stages    # identity, control, oracle, generators, memory, clusters
both = dict(phases=['B'], loaders=dict(pairs='painted', clusters='clusters'), labels='cluster')
train_cfg = dict(
    stages=[
        begun[0],
        dict(name='direct_intra', start='identity', **alone),
        dict(name='direct_proxies', title='proxies after direct transfer', **after),
        dict(begun[1], start='identity', baselines=['direct', 'adabn', 'adabn_camera']),
        dict(name='control_intra', **alone),
        dict(name='control_proxies', title='proxies after the control', **after),
        begun[3],
        begun[4],
        dict(name='memory_intra', **alone),
        dict(name='memory_proxies', title='GCL, then proxies', **after),
        dict(name='both', title='proxies and the memory of translations', iters=1000,
             start='generators', eval_every=1000,
             lr=dict(T=dict(warmup=40, **tenth_700)),
             **both)])
default_hooks = dict(
    pseudo_label=dict(interval=40, clustering=dict(k1=10, k2=3, min_samples=2)),
    checkpoint=dict(best_stages=['memory_proxies']))
train_dataloader = dict(clusters=dict(sampler=dict(type='ProxySampler')))
