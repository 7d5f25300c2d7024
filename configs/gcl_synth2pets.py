"""CrossDomainGCL from rendered people (labelled) to photographs, PETS 2009 S2.L1 (unlabelled).

gcl_mot2pets with a larger, rendered source; only what depends on it. The structure of a person is
the luma on both sides, since the photographs come without meshes.

Needs:   pets_s2l1 (112 training crops) and weights, as gcl_mot2pets. The people are rendered on
         first use.
Result:  not yet measured. A tiny target: a check that it runs, no benchmark.
Cost:    not yet measured.
"""
_base_ = ['gcl_mot2pets.py']

source, target = dict(_delete_=True, **_base_.synth_a), _base_.pets_s2l1

model = dict(
    networks=dict(C=dict(num_identities=120)),
    bank=dict(num_samples=1234))

# ---- stages, in iterations: 8 identities x 4 images, then 8 + 8 images ----
halve_40, halve_10 = dict(every=40, gamma=0.5), dict(every=10, gamma=0.5)
train_cfg = dict(
    stages=[
        dict(name='identity', iters=450, phases=['I'], loaders=['identity'],
             lr=dict(I=dict(warmup=45, milestones=[270], gamma=0.1))),
        dict(name='generators', iters=200, phases=['D', 'G'], loaders=['source', 'target'],
             frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=halve_40, G=halve_40, F=halve_40, P=halve_40)),
        dict(name='joint', iters=30, phases=['D', 'G'], loaders=['source', 'target'],
             baselines=['direct', 'adabn'], eval_every=10,
             lr=dict(D=halve_10, G=halve_10, F=halve_10, P=halve_10,
                     E_c=dict(milestones=[15], gamma=0.1)))])

# ---- data ----
collate = dict(type='default_collate')
loader = dict(batch_size=8, num_workers=1, collate_fn=collate, sampler=dict(type='ShuffleSampler'))
mapped = dict(split='train', transforms=[_base_.resize], pose_map=dict(type='Grayscale'))
train_dataloader = dict(
    _delete_=True,
    identity=dict(batch_size=32, num_workers=1, collate_fn=collate,
                  sampler=dict(type='IdentitySampler', num_identities=8, num_images=4),
                  dataset=dict(**_base_.synth_a, split='train', transforms=_base_.augmented)),
    source=dict(**loader, dataset=dict(**_base_.synth_a, **mapped)),
    target=dict(**loader, dataset=dict(**target, **mapped, labelled=False)))

# ---- evaluation ----
test_loader = dict(batch_size=64, num_workers=1, collate_fn=collate,
                   sampler=dict(type='DefaultSampler', shuffle=False))
test = dict(split='query+gallery', transforms=[_base_.resize])
val_dataloader = dict(
    _delete_=True,
    target=dict(**test_loader, dataset=dict(**target, **test)),
    source=dict(**test_loader, dataset=dict(**_base_.synth_a, **test)))
