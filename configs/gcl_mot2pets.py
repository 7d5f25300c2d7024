"""CrossDomainGCL on photographs: MOT17-04 (labelled, night) -> PETS 2009 S2.L1 (unlabelled, day).

Needs:   mot17_04 and pets_s2l1 (54 and 112 training crops) under data/real_reid or
         ../shared/data/real_reid; MobileNetV2 ImageNet weights under weights or ../shared/weights,
         or torchvision's hub.
Result:  README.md. Two tiny sets: every part works on photographs; no benchmark.
Cost:    about 6 minutes on two CPU cores.
"""
_base_ = ['_base_/gcl_small.py']

source, target = _base_.mot17_04, _base_.pets_s2l1

model = dict(
    gan_loss=dict(mode='bce'),       # as it was measured, and so the triplets
    loss_weights=dict(triplet=1.0),
    networks=dict(
        G=dict(num_parts=4, base_dim=64), F=dict(num_parts=4, base_dim=64),
        E_p=dict(in_channels=1, out_dim=64),
        C=dict(num_identities=9)),
    bank=dict(num_samples=54))

# ---- optimisation ----
adam = dict(lr=3e-4)
optim_wrapper = dict(
    D=adam, G=adam, F=adam, P=adam,
    E_c=dict(lr=3.5e-5))    # a tenth: so few images are overfitted within iterations

# ---- stages, in iterations: 8 identities x 4 images, then 8 + 8 images ----
halve_40, halve_10 = dict(every=40, gamma=0.5), dict(every=10, gamma=0.5)
train_cfg = dict(
    stages=[
        dict(name='identity', iters=60, phases=['I'], loaders=['identity'],
             lr=dict(I=dict(warmup=10, milestones=[40], gamma=0.1))),
        dict(name='generators', iters=120, phases=['D', 'G'], loaders=['source', 'target'],
             frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=halve_40, G=halve_40, F=halve_40, P=halve_40)),
        dict(name='joint', iters=30, phases=['D', 'G'], loaders=['source', 'target'],
             baselines=['direct', 'adabn'], eval_every=10,
             lr=dict(D=halve_10, G=halve_10, F=halve_10, P=halve_10,
                     E_c=dict(milestones=[15], gamma=0.1)))])
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=30),
    best_loss=dict(interval=40),
    grid=dict(interval=40))

# ---- data ----
resize = _base_.resize
mapped = dict(split='train', transforms=[resize], pose_map=dict(type='Grayscale'))
test = dict(split='query+gallery', transforms=[resize])
train_dataloader = dict(
    identity=dict(dataset=dict(**source, split='train', transforms=_base_.augmented)),
    source=dict(dataset=dict(**source, **mapped)),
    target=dict(dataset=dict(**target, **mapped, labelled=False)))
val_dataloader = dict(target=dict(batch_size=64, dataset=dict(**target, **test)),
                      source=dict(**_base_.in_order | dict(batch_size=64),
                                  dataset=dict(**source, **test)))
val_cfg = dict(adabn_batch_size=56)
