"""CrossDomainGCL at 128 x 64 for a CPU: MobileNetV2, decoders with skips, strided discriminators.

As _base_/gcl.py, and what a small size wants; a config names sets, counts and stages likewise.
"""
_base_ = ['gcl.py']

discriminator = dict(_delete_=True, type='StridedDiscriminator', num_scales=2, base_dim=32)
model = dict(
    networks=dict(
        D_s=discriminator, D_t=discriminator,
        G=dict(_delete_=True, type='StripeAdaINDecoder', content_dim=5312),
        F=dict(_delete_=True, type='StripeAdaINDecoder', content_dim=5312),
        E_p=dict(_delete_=True, type='StructureEncoder'),
        E_c=dict(_delete_=True, type='ContentEncoder', trunk='mobilenet_v2', num_parts=4,
                 embed_dim=None, part_layout='part_major', early_stats=True,
                 weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet']),
        C=dict(in_dim=1280)),
    bank=dict(dim=1280),
    # stage 1 is classification alone: triplets of pooled maps cost 12 mAP (docs/results)
    loss_weights=dict(triplet=0.0))

# ---- loaders: 8 identities x 4 images; 8 + 8 images ----
resize = dict(type='Resize', size=(128, 64))
test_transforms = [resize]
augmented = [resize, dict(type='RandomFlip', prob=0.5), dict(type='RandomPadCrop', padding=5),
             dict(type='RandomErase', prob=0.5)]
few = dict(batch_size=8, num_workers=1)
train_dataloader = dict(
    identity=dict(batch_size=32, num_workers=1, sampler=dict(num_identities=8)),
    source=few, target=few)
in_order = dict(num_workers=1)
val_dataloader = dict(target=in_order)
