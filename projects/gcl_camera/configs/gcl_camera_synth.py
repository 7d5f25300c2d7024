"""CameraGCL on the built-in rendered people: summer cameras (labelled) -> winter cameras.

The main line is identity -> generators -> memory -> clusters. The discriminators are given heads
alone, which look alike in both domains but for the cameras, so that G learns the colours of each
target camera and not the winter's clothes. The memory contrasts a source image with its person as G
translates them for three target cameras, in front of backgrounds of those cameras, which
BackgroundBank takes from the target's images. Beside it, from the same E_c and with the same loss:
the control, on images that nobody translated, and the oracle, the same persons rendered under the
winter cameras. gcl_camera_controls.py has more controls, and pseudo-labels after each.

Needs:   nothing; the people are rendered on first use (some minutes). MobileNetV2 ImageNet weights
         under weights or ../shared/weights or from torchvision's hub; without them a random start
         with a longer first stage, which the log says.
Result:  the project's README: beats AdaBN and its control; in the memory stage the backgrounds do.
Cost:    17 minutes on two CPU cores, rendering included.
"""
_base_ = ['../../../configs/_base_/gcl_rendered.py']
custom_imports = dict(imports=['projects.gcl_camera.gcl_camera'])

source, target, oracle = _base_.source, _base_.target, _base_.synth_a2b

# ---- model ----
camera_discriminator = dict(type='CameraStridedDiscriminator', num_cameras=6)
camera_decoder = dict(type='CameraStripeDecoder', base_dim=32, num_cameras=6, num_own_cameras=12,
               colour_rate=10.0)
model = dict(
    type='CameraGCL',
    gan_loss=dict(mode='bce'),
    head_crops=dict(size=32),          # wardrobe and scenery of the domains differ by the season
    networks=dict(D_s=camera_discriminator, D_t=camera_discriminator,
                  G=camera_decoder, F=camera_decoder),
    loss_weights=dict(adv=2.0, recon=1.0, cycle=1.0, content=1.0))

# ---- optimisation ----
fast = dict(lr=5e-4)
optim_wrapper = dict(
    D=fast, G=fast, F=fast, P=fast,
    M=dict(networks=['E_c'], phases=['M', 'T'], type='Adam', lr=1e-4, weight_decay=5e-4))

# ---- stages, in iterations: 8 persons or clusters x 4 images; generators 8 + 8 images ----
fall, tenth_120 = dict(linear_from=150), dict(milestones=[120], gamma=0.1)
train_cfg = dict(
    stages=[
        _base_.identity,
        dict(name='control', title='control: memory without translation', iters=200, phases=['M'],
             loaders=dict(pairs='again'), baselines=['direct', 'adabn', 'adabn_camera'],
             eval_every=200, lr=dict(M=tenth_120)),
        dict(name='oracle', title='oracle: memory with perfect translations', iters=200,
             phases=['M'], start='identity', loaders=dict(pairs='oracle'), eval_every=200,
             lr=dict(M=tenth_120)),
        dict(name='generators', iters=300, phases=['D', 'G'], start='identity',
             loaders=['source', 'target'], frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=fall, G=fall, F=fall, P=fall)),
        dict(name='memory', title='GCL: memory with translations by G', iters=200, phases=['M'],
             loaders=dict(pairs='painted'), eval_every=200, lr=dict(M=tenth_120)),
        dict(name='clusters', title='GCL, then pseudo-labels', iters=200, phases=['T'],
             loaders=['clusters'], labels='cluster', eval_every=200, lr=dict(M=tenth_120))])
default_hooks = dict(
    translated=dict(type='TranslatePositivesHook', images='source', to='target', num_styles=3,
                    backgrounds='target'))

# ---- data: pairs of 8 persons x 4 images ----
labelled = dict(**source, **_base_.train)
pairs = dict(batch_size=32, num_workers=1, collate_fn=_base_.collate,
             sampler=dict(type='IdentitySampler', num_identities=8, num_images=4))
train_dataloader = dict(
    # a loader's name seeds its order: these two are called as in the measured runs
    again=dict(**pairs, dataset=dict(type='PositivePairs', dataset=labelled, second='same')),
    painted=dict(**pairs, dataset=dict(
        type='PositivePairs', dataset=labelled, second='translated')),
    oracle=dict(**pairs, dataset=dict(
        type='PositivePairs', dataset=labelled, second=dict(**oracle, split='train'))))
val_cfg = dict(adabn_by='camera')
