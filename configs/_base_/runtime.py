"""What every training shares: hooks, log, seed. None switches a hook off, its key changes it."""
default_scope = 'reidgen'
randomness = dict(seed=0)
default_hooks = dict(
    runtime_info=dict(type='StageRuntimeInfoHook'),
    sampler_seed=None,                # samplers are seeded and endless
    param_scheduler=None,             # stages hold the learning rates
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    checkpoint=dict(type='AtomicCheckpointHook', interval=1000, max_keep_ckpts=2),
    stage=dict(type='StageHook'),
    stage_lr=dict(type='StageLRHook'),
    baselines=dict(type='BaselineHook'),
    memory_init=dict(type='MemoryInitHook'),
    report=dict(type='RetrievalReportHook'),
    diagnostics=dict(type='GANDiagnosticsHook'),    # of GANs: why one is good or bad
    progress=dict(type='ProgressHook'),
    preemption=dict(type='PreemptionHook'),
    watchdog=dict(type='WatchdogHook', timeout=600, long_timeout=7200),    # seconds
    safe_checkpoint=dict(type='SafeCheckpointHook'))
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=False)
visualizer = dict(type='LogVisualizer', vis_backends=[
    dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
env_cfg = dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
               # seconds, long: the watchdog ends a training earlier and says why
               dist_cfg=dict(backend='nccl', timeout=86400))
