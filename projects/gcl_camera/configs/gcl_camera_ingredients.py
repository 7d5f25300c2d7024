"""What else the target's clusters could be given, each beside the proxies alone.

All start from the E_c of `memory`. same: proxies of two views of a target image, the image again
(the control of the next two). copies: the second view is the image as another camera of the target
would have taken it, by G. colours: with that camera's colours in closed form. teacher: the proxies
with a mean teacher. both: the memory of translated source images and the proxies, in one step.
In a batch-norm group of copies and colours the second views are in the styles of several cameras.
The stages up to `memory` are gcl_camera_proxies', so that its checkpoint may be taken:
--load-from work_dirs/gcl_camera_proxies/stage_memory.pth --first-stage same

Needs:   as gcl_camera_synth.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['gcl_camera_proxies.py']

target, images = _base_.target, _base_.train

# ---- model ----
model = dict(type='TeacherGCL')

# ---- optimisation ----
optim_wrapper = dict(T=dict(phases=['T', 'B', 'K']))

# ---- stages; of K in iterations of 8 proxies x 2 images and their second views ----
identity, generators, memory, intra, proxies = _base_.train_cfg.stages
rates = dict(T=dict(warmup=40, milestones=[700], gamma=0.1))
long = dict(iters=1000, labels='cluster', start='memory', eval_every=1000, lr=rates)
views = dict(phases=['K'], bn_group=8, loss_weights=dict(cluster=0.5, inter=0.25), **long)
train_cfg = dict(
    stages=[
        identity, generators, memory,
        dict(name='same', title='proxies of two views, untranslated',
             loaders=dict(copies='twice'), **views),
        dict(name='copies', title='proxies of images and copies by G',
             loaders=dict(copies='copied'), **views),
        dict(name='colours', title='proxies of images and copies in closed form',
             loaders=dict(copies='copied'), **views),
        dict(intra, name='teacher_intra', start='memory'),
        dict(proxies, name='teacher', title='GCL, then proxies with a mean teacher'),
        dict(name='both', title='proxies and the memory of translations', phases=['B'],
             loaders=dict(pairs='painted', clusters='clusters'), bn_group=16, **long)])
default_hooks = dict(
    checkpoint=dict(best_stages=['teacher']),
    teacher=dict(type='MeanTeacherHook', stages=['teacher_intra', 'teacher'], momentum=0.99),
    translated=dict(stages=['memory', 'both']),
    copies=dict(type='TranslatePositivesHook', images='target', to='target', num_styles=5,
                stages=['copies']),
    colours=dict(type='TranslatePositivesHook', images='target', to='target', num_styles=5,
                 stages=['colours'], translator='colours'))

# ---- data: 8 proxies x 2 target images with a second view, two groups of one camera each ----
unlabelled = dict(**target, **images, labelled=False)
by_proxy = dict(batch_size=16, num_workers=1, collate_fn=_base_.collate,
                sampler=dict(type='ProxySampler', num_identities=8, num_images=2, num_groups=2))
train_dataloader = dict(
    twice=dict(**by_proxy, dataset=dict(type='PositivePairs', dataset=unlabelled, second='same')),
    copied=dict(**by_proxy, dataset=dict(
        type='PositivePairs', dataset=unlabelled, second='translated')))
