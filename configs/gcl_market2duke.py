"""CrossDomainGCL: Market-1501 (labelled source) -> DukeMTMC-reID (unlabelled target).

Needs:   data/market1501, data/dukemtmc, their rendered meshes, ImageNet weights (docs/data.md).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['_base_/gcl.py']

source, target = _base_.market1501, _base_.dukemtmc

model = dict(
    networks=dict(C=dict(num_identities=751)),
    bank=dict(num_samples=12936))                # Market training images

# ---- stages, in iterations ----
halve_4128, halve_1616 = dict(every=4128, gamma=0.5), dict(every=1616, gamma=0.5)
train_cfg = dict(stages=[
    dict(name='identity', iters=6000, phases=['I'], loaders=['identity'], eval_every=2000,
         lr=dict(I=dict(warmup=500, milestones=[2000, 3500], gamma=0.1))),
    dict(name='generators', iters=41280,         # 40 passes over the target
         phases=['D', 'G'], loaders=['source', 'target'],
         frozen=['E_c'], loss_weights=dict(memory=0),
         lr=dict(D=halve_4128, G=halve_4128, F=halve_4128, P=halve_4128)),
    dict(name='joint', iters=16160,              # 20 passes over the source
         phases=['D', 'G'], loaders=['source', 'target'],
         labels='identity', baselines=['direct', 'adabn'], eval_every=808,
         lr=dict(D=halve_1616, G=halve_1616, F=halve_1616, P=halve_1616,
                 E_c=dict(milestones=[8080], gamma=0.1)))])

# ---- data ----
mapped = dict(split='train', transforms=_base_.train_transforms)
test = dict(split='query+gallery', transforms=_base_.test_transforms)
train_dataloader = dict(
    identity=dict(dataset=dict(**source, split='train', transforms=_base_.identity_transforms)),
    source=dict(dataset=dict(
        **source, **mapped, pose_map=dict(type='RenderedMesh', root='{mesh}/market'))),
    target=dict(dataset=dict(
        **target, **mapped, labelled=False,
        pose_map=dict(type='RenderedMesh', root='{mesh}/duke'))))
val_dataloader = dict(target=dict(dataset=dict(**target, **test)),
                      source=dict(**_base_.in_order, dataset=dict(**source, **test)))
