"""Rendered faces at 112 x 112, their encoder, and heads of the settings at that size.

200 training persons at 13 yaws, 4 of 20 lights each; real faces of the discriminator are their true
frontal ones, all under one light, so that a face without a pixel loss has that light too. A config
takes from here what it restates.
"""
rendered = dict(type='RenderedFaces', root='{synthetic}', size='base')
rendered_transforms = [dict(type='RandomFlip', prob=0.5), dict(type='RandomPadCrop', padding=6)]
rendered_loader = dict(num_workers=0, drop_last=True, collate_fn=dict(type='default_collate'),
                       sampler=dict(type='ShuffleSampler'))
rendered_train_dataloader = dict(
    profile=dict(batch_size=6, **rendered_loader, dataset=dict(
        _delete_=True,
        type='FrontalPairs', dataset=dict(**rendered, transforms=rendered_transforms))),
    front=dict(batch_size=6, **rendered_loader, dataset=dict(
        _delete_=True, **rendered, part='frontal')))
rendered_test_dataset = dict(**rendered, split='query')

# of face_encoder_synth.py: trained on frontal faces of the training persons
rendered_trunk = dict(type='ContentEncoder', trunk='mobilenet_v2', embed_dim=None, last_stride=2)
rendered_encoder = dict(
    _delete_=True, type='FrozenTrunk', network=rendered_trunk,
    weights='{face_encoder}/stage_encoder.pth')
# three eighths of the published widths of G, half of those of D
rendered_G = dict(code_dim=1280, image_size=112, base_dim=24)
rendered_D = dict(image_size=112, base_dim=16)

# 13 rows: one of each yaw
rendered_hooks = dict(
    logger=dict(interval=50), checkpoint=dict(interval=500),
    grid=dict(interval=250, num_images=13))
