"""gcl_camera_proxies taken apart: camera-styled copies of the target, and a mean teacher.

Copies: each target image is contrasted with the camera-aware proxies together with a second view
of it, from the E_c of `identity`: the image again (the control), as the target's other cameras
would have taken it by G, or with their colours in closed form. Teacher: gcl_camera_proxies' main
line with a mean teacher. `identity` and `generators` are gcl_camera_proxies', so that its
checkpoint may be taken:
--load-from work_dirs/gcl_camera_proxies/stage_generators.pth --first-stage same

Needs:   as gcl_camera_synth.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['gcl_camera_proxies.py']

target, images = _base_.target, _base_.train

# ---- model ----
model = dict(type='TeacherGCL')

# ---- optimisation ----
optim_wrapper = dict(T=dict(phases=['T', 'B', 'K']))

# ---- stages, in iterations of 8 proxies x 2 images and their second views ----
begun = _base_.train_cfg.stages
by_name = {stage['name']: stage for stage in begun}
views = dict(iters=1000, phases=['K'], labels='cluster', start='generators', eval_every=1000,
             loss_weights=dict(cluster=0.5, inter=0.25),        # of each view
             lr=dict(T=dict(warmup=40, milestones=[700], gamma=0.1)))
train_cfg = dict(
    stages=[
        by_name['identity'], by_name['generators'],
        dict(name='same', title='proxies of two views, untranslated', **views,
             loaders=dict(copies='twice'), baselines=['direct', 'adabn', 'adabn_camera']),
        dict(name='copies', title='proxies of images and copies by G', **views,
             loaders=dict(copies='copied')),
        dict(name='colours', title='proxies of images and copies in closed form', **views,
             loaders=dict(copies='copied')),
        dict(by_name['memory'], start='generators'), by_name['memory_intra'],
        dict(by_name['memory_proxies'], name='teacher',
             title='GCL, then proxies with a mean teacher')])
default_hooks = dict(
    checkpoint=dict(best_stages=['teacher']),
    teacher=dict(type='MeanTeacherHook', stages=['teacher'], momentum=0.99),
    translated=dict(stages=['memory']),
    copies=dict(type='TranslatePositivesHook', images='target', to='target', num_styles=5,
                stages=['copies']),
    colours=dict(type='TranslatePositivesHook', images='target', to='target', num_styles=5,
                 stages=['colours'], translator='colours'))

# ---- data: 8 proxies x 2 target images with a second view ----
unlabelled = dict(**target, **images, labelled=False)
by_proxy = dict(batch_size=16, num_workers=1, collate_fn=_base_.collate,
                sampler=dict(type='ProxySampler', num_identities=8, num_images=2))
train_dataloader = dict(
    twice=dict(**by_proxy, dataset=dict(type='PositivePairs', dataset=unlabelled, second='same')),
    copied=dict(**by_proxy, dataset=dict(
        type='PositivePairs', dataset=unlabelled, second='translated')))
