"""gcl_camera_proxies to the night cameras: what a start is worth to the clusters of the target.

Camera-aware proxies, as in gcl_camera_proxies.py, after the identity stage, GCL's memory of
translations, its control, and the memory of colours matched in closed form by a full matrix.

Needs:   as gcl_camera_synth_n.py.
Result:  docs/results/camera_bn.md, of the first two stages.   Cost: not yet measured.
"""
_base_ = ['gcl_camera_proxies.py']

target = night = dict(domain='synth_n')

model = dict(bank_t=dict(num_samples=1206))      # training images of N

# ---- stages ----
by_name = {stage['name']: stage for stage in _base_.train_cfg.stages}
painted = dict(by_name['memory'], start='identity')
matrix = dict(painted, name='matrix', title='control: colours of heads, full matrix')
train_cfg = dict(
    stages=[
        by_name['identity'],
        dict(by_name['direct_intra'], baselines=by_name['control']['baselines']),
        by_name['direct_proxies'],
        by_name['generators'], by_name['memory'],
        by_name['memory_intra'], by_name['memory_proxies'],
        dict(by_name['control'], baselines=[]),
        by_name['control_intra'], by_name['control_proxies'],
        matrix,
        dict(by_name['memory_intra'], name='matrix_intra'),
        dict(by_name['memory_proxies'], name='matrix_proxies',
             title='closed form (full matrix), then proxies')])
default_hooks = dict(
    translated=dict(stages=['memory']),
    translated_matrix=dict(**_base_.default_hooks.translated, stages=['matrix'],
                           translator='colour_matrix'))

# ---- data ----
train_dataloader = dict(
    target=dict(dataset=night), clusters=dict(dataset=night),
    oracle=dict(dataset=dict(second=dict(domain='synth_a2n'))))
val_dataloader = dict(target=dict(dataset=night))
