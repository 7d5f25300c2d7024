"""CrossDomainGCL, tiny, all three stages on figures drawn in memory: does everything run?

Needs:   nothing.
Cost:    under a minute on two CPU cores. A check of the machinery; its numbers mean nothing.
"""
_base_ = ['_base_/gcl.py']

shapes = dict(type='ShapesReID', num_identities=8, images_per_identity=4, size=(64, 32))
source, target = dict(**shapes, domain='a'), dict(**shapes, domain='b')

discriminator = dict(num_scales=2, base_dim=8, num_res_blocks=1)
decoder = dict(content_dim=2048, base_dim=16, head_dim=32)
model = dict(
    cross_pose=dict(_delete_=True, generators='own', joint='novel'),
    networks=dict(
        D_s=discriminator, D_t=discriminator, G=decoder, F=decoder,
        E_p=dict(base_dim=4, num_res_blocks=1, aspp_dim=4, out_dim=16, dilations=(1, 2, 3)),
        E_c=dict(trunk='resnet18', embed_dim=64, weights=None),
        C=dict(in_dim=64, num_identities=8)),
    bank=dict(num_samples=32, dim=64),
    contrast=dict(num_negatives=16))
optim_wrapper = dict(E_c=dict(lr=3.5e-5), I=dict(lr=1e-3))

# ---- stages ----
halve = dict(every=5, gamma=0.5)
train_cfg = dict(
    stages=[
        dict(name='identity', iters=40, phases=['I'], loaders=['identity'], eval_every=20,
             lr=dict(I=dict(warmup=5, milestones=[30], gamma=0.1))),
        dict(name='generators', iters=10, phases=['D', 'G'], loaders=['source', 'target'],
             frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=halve, G=halve, F=halve, P=halve)),
        dict(name='joint', iters=10, phases=['D', 'G'], loaders=['source', 'target'],
             baselines=['direct', 'adabn'], eval_every=5,
             lr=dict(D=halve, G=halve, F=halve, P=halve, E_c=dict(milestones=[5], gamma=0.1)))])
default_hooks = dict(
    logger=dict(interval=5),
    checkpoint=dict(interval=10),
    best_loss=dict(interval=5),
    grid=dict(interval=10, num_images=4))

# ---- data ----
resize = dict(type='Resize', size=(64, 32))
flip = dict(type='RandomFlip', prob=0.5)
augmented = [resize, flip, dict(type='RandomPadCrop', padding=3),
             dict(type='RandomErase', prob=0.5)]
few, thirty_two = dict(batch_size=4, num_workers=0), dict(batch_size=32, num_workers=0)
mapped = dict(split='train', transforms=[resize, flip], pose_map=dict(type='ShapesMap'))
test = dict(split='query+gallery', transforms=[resize])
train_dataloader = dict(
    identity=dict(batch_size=16, num_workers=0, sampler=dict(num_identities=4),
                  dataset=dict(**source, split='train', transforms=augmented)),
    source=dict(**few, dataset=dict(**source, **mapped)),
    target=dict(**few, dataset=dict(**target, **mapped, labelled=False)))
val_dataloader = dict(
    target=dict(**thirty_two, dataset=dict(**target, **test)),
    source=dict(**_base_.in_order | thirty_two, dataset=dict(**source, **test)))
