"""gcl_camera_synth_n's controls: backgrounds alone, and colours of heads in three closed forms.

As gcl_camera_controls.py, without pseudo-labels: mean and deviation of each channel (heads), mean
and covariance by a full matrix (matrix), the histogram of each channel (histogram). Then
untranslated persons and the matrix again under a Gaussian of half a pixel, which makes them as
sharp as G's are (tools/feature_distance.py). The stage `identity` is gcl_camera_synth_n's, so that
its checkpoint may be taken:
--load-from work_dirs/gcl_camera_synth_n/stage_identity.pth --first-stage control

Needs:   as gcl_camera_synth_n.py.
Result:  docs/results/camera_bn.md.   Cost: half an hour of CPU time.
"""
_base_ = ['gcl_camera_synth_n.py']

# ---- stages ----
identity, control = _base_.train_cfg.stages[:2]
painted = dict(iters=200, phases=['M'], start='identity', loaders=dict(pairs='painted'),
               eval_every=200, lr=dict(M=_base_.tenth_120))
train_cfg = dict(
    stages=[
        identity,
        control,
        dict(name='scenes', title='control: before target backgrounds, untranslated', **painted),
        dict(name='heads', title='control: colours of heads, mean and deviation', **painted),
        dict(name='matrix', title='control: colours of heads, full matrix', **painted),
        dict(name='histogram', title='control: colours of heads, histograms', **painted),
        dict(name='scenes_blurred', title='control: untranslated, blurred', **painted),
        dict(name='matrix_blurred', title='control: full matrix, blurred', **painted)])
before = _base_.default_hooks.translated
default_hooks = dict(
    checkpoint=dict(best_stages=[]),
    best_loss=None,
    translated=dict(stages=['scenes'], translator='none'),
    translated_heads=dict(**before, stages=['heads'], translator='colours'),
    translated_matrix=dict(**before, stages=['matrix'], translator='colour_matrix'),
    translated_histogram=dict(**before, stages=['histogram'], translator='colour_histogram'),
    translated_scenes_blurred=dict(
        **before, stages=['scenes_blurred'], translator='none', blur=0.5),
    translated_matrix_blurred=dict(
        **before, stages=['matrix_blurred'], translator='colour_matrix', blur=0.5))
