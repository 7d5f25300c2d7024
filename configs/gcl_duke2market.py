"""CrossDomainGCL: DukeMTMC-reID (labelled source) -> Market-1501 (unlabelled target).

Needs:   data/market1501, data/dukemtmc, their rendered meshes, ImageNet weights (docs/data.md).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['_base_/gcl.py']

source, target = _base_.dukemtmc, _base_.market1501

model = dict(
    networks=dict(C=dict(num_identities=702)),
    bank=dict(num_samples=16522))                # Duke training images

# ---- stages, in iterations ----
halve_3232, halve_2064 = dict(every=3232, gamma=0.5), dict(every=2064, gamma=0.5)
train_cfg = dict(stages=[
    dict(name='identity', iters=6000, phases=['I'], loaders=['identity'], eval_every=2000,
         lr=dict(I=dict(warmup=500, milestones=[2000, 3500], gamma=0.1))),
    dict(name='generators', iters=32320,         # 40 passes over the target
         phases=['D', 'G'], loaders=['source', 'target'],
         frozen=['E_c'], loss_weights=dict(memory=0),
         lr=dict(D=halve_3232, G=halve_3232, F=halve_3232, P=halve_3232)),
    dict(name='joint', iters=20640,              # 20 passes over the source
         phases=['D', 'G'], loaders=['source', 'target'],
         baselines=['direct', 'adabn'], eval_every=1032,
         lr=dict(D=halve_2064, G=halve_2064, F=halve_2064, P=halve_2064,
                 E_c=dict(milestones=[10320], gamma=0.1)))])

# ---- data ----
mapped = dict(split='train', transforms=_base_.train_transforms)
test = dict(split='query+gallery', transforms=_base_.test_transforms)
train_dataloader = dict(
    identity=dict(dataset=dict(**source, split='train', transforms=_base_.identity_transforms)),
    source=dict(dataset=dict(
        **source, **mapped, pose_map=dict(type='RenderedMesh', root='{mesh}/duke'))),
    target=dict(dataset=dict(
        **target, **mapped, labelled=False,
        pose_map=dict(type='RenderedMesh', root='{mesh}/market'))))
val_dataloader = dict(target=dict(dataset=dict(**target, **test)),
                      source=dict(**_base_.in_order, dataset=dict(**source, **test)))
