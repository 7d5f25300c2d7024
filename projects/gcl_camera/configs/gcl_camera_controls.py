"""gcl_camera_synth's controls, with pseudo-labels after each: the same losses, no generator.

The memory contrasts a source image with itself once more (control), with its person, untranslated,
before backgrounds of the target (scenes), or with the same in colours that are matched on heads in
closed form, camera by camera (heads). The stage `identity` is gcl_camera_synth's, so that its
checkpoint may be taken:
--load-from work_dirs/gcl_camera_synth/stage_identity.pth --first-stage control

Needs:   as gcl_camera_synth.py.
Result:  the project's README.   Cost: half an hour of CPU time, and 3 minutes to render.
"""
_base_ = ['gcl_camera_synth.py']

# ---- stages ----
memory = dict(iters=200, phases=['M'], start='identity', eval_every=200,
              lr=dict(M=_base_.tenth_120))
clusters = dict(iters=200, phases=['T'], loaders=['clusters'], labels='cluster', eval_every=200,
                lr=dict(M=_base_.tenth_120))
train_cfg = dict(
    stages=[
        _base_.train_cfg.stages[0],
        dict(name='control', title='control: memory without translation', **memory,
             loaders=dict(pairs='again'), baselines=['direct', 'adabn', 'adabn_camera']),
        dict(name='control_clusters', title='control, then pseudo-labels', **clusters),
        dict(name='scenes', title='control: before target backgrounds, untranslated', **memory,
             loaders=dict(pairs='painted')),
        dict(name='scenes_clusters', title='scenes, then pseudo-labels', **clusters),
        dict(name='heads', title='control: before target backgrounds, colours matched on heads',
             **memory, loaders=dict(pairs='painted')),
        dict(name='heads_clusters', title='heads, then pseudo-labels', **clusters)])
default_hooks = dict(
    checkpoint=dict(best_stages=['control_clusters', 'scenes_clusters', 'heads_clusters']),
    best_loss=None,
    translated=dict(stages=['scenes'], translator='none'),
    translated_heads=dict(**_base_.default_hooks.translated, stages=['heads'],
                          translator='colours'))
