"""PairsGCL from rendered people (labelled) to photographs, PETS 2009 S2.L1 (unlabelled).

gcl_camera_synth with a target of photographs; only what differs. They come without meshes and from
one camera, so the discriminators are given whole images, G has one style, its structure map is the
luma beside the colours that a residual decoder changes, and persons stay before the source's
backgrounds. The control has the same loss on images that nobody translated.

Needs:   pets_s2l1 (112 training crops of 5 persons) and weights, as configs/gcl_mot2pets.py. The
         people are rendered on first use.
Result:  the project's README. A tiny target: a check that it runs on photographs, no benchmark.
Cost:    about twice gcl_mot2pets.py's.
"""
_base_ = ['gcl_camera_synth.py']

photographs = _base_.pets_s2l1

# ---- model ----
camera = _base_.model
image_discriminator = dict(type='StridedDiscriminator', num_scales=2, base_dim=32)
image_decoder = dict(type='StripeAdaINDecoder', content_dim=5312, base_dim=32, residual=True)
model = dict(
    _delete_=True, type='PairsGCL', cross_pose='own', bn_mode='target_recalib',
    networks=dict(
        D_s=image_discriminator, D_t=image_discriminator, G=image_decoder, F=image_decoder,
        E_p=camera.networks.E_p, E_c=camera.networks.E_c, C=camera.networks.C),
    bank=camera.bank, bank_t=dict(num_samples=112, dim=1280, momentum=0.2),
    gan_loss=camera.gan_loss, penalty=camera.penalty, contrast=camera.contrast,
    loss_weights=camera.loss_weights)

# ---- stages ----
identity, control, _, generators, memory, clusters = _base_.train_cfg.stages
train_cfg = dict(stages=[identity, control, generators, memory, clusters])
default_hooks = dict(
    translated=dict(num_styles=1, backgrounds=None),
    pseudo_label=dict(clustering=dict(k1=10, k2=3)))     # 112 images, about 22 of a person

# ---- data: 8 + 8 images, clusters of 4 x 8 ----
luma = [dict(type='Colour'), dict(type='Grayscale')]
resized = dict(split='train', transforms=[_base_.resize], pose_map=luma)
train_dataloader = dict(
    source=dict(dataset=dict(pose_map=luma)),
    target=dict(dataset=dict(_delete_=True, **photographs, **resized, labelled=False)),
    clusters=dict(sampler=dict(num_identities=4, num_images=8),
                  dataset=dict(_delete_=True, **photographs, **_base_.train, labelled=False)))
val_dataloader = dict(target=dict(dataset=dict(
    _delete_=True, **photographs, split='query+gallery', transforms=[_base_.resize])))
val_cfg = dict(adabn_batch_size=56)
