"""GCL on the built-in rendered people of `synth_b`, without labels, beside its controls, for a CPU.

decoder -> generators -> joint, and from the same warmed-up E_c, over as many iterations, the
contrast without a generator: its second view is the image again; colours and a rectangle of it
changed; and the person rendered from another side, which a perfect generator of views would give.

    reidgen train configs/warmup_synth_b.py
    reidgen train configs/gcl_synth_b.py --cfg-options \
        model.networks.E_c.weights=work_dirs/warmup_synth_b/stage_warm_up.pth

Needs:   an E_c warmed up without labels, as by the commands above (a stage_*.pth, or the encoder
         alone), or weights/warm_up_synth_b.pth. The people are rendered on first use (some
         minutes).
Result:  mAP, means of seeds 0, 1, 2, target batch norm: start 54.2, GCL 67.9; controls 72.5 (the
         image again) and 73.1 (changed), perfect second view 71.6. docs/results/gcl_synth_b.md.
Cost:    some 20 minutes of one CPU core, rendering apart.
"""
_base_ = ['_base_/gcl_single.py']

# ---- model: 128 x 64, as _base_/gcl_small.py; the structure is that of the mesh alone ----
model = dict(
    bn_mode='target_recalib',
    networks=dict(
        D=dict(_delete_=True, type='StridedDiscriminator', num_scales=2, base_dim=32),
        G=dict(_delete_=True, type='StripeAdaINDecoder', content_dim=5312, early_dim=48,
               base_dim=32),
        E_p=dict(_delete_=True, type='StructureEncoder', in_channels=1, out_dim=32),
        E_c=dict(_delete_=True, type='ContentEncoder', trunk='mobilenet_v2', num_parts=4,
                 embed_dim=None, part_layout='part_major', early_stats=True,
                 weights=['{weights}/warm_up_synth_b.pth'])),
    bank=dict(num_samples=1200, dim=1280),
    # at the published 2.0 the first 75 iterations wash out the colours that `decoder` has learned
    loss_weights={'G/adv': 0.4})

# ---- optimisation ----
fast = dict(lr=2e-4)
optim_wrapper = dict(
    D=fast, G=fast,
    E_c=dict(_delete_=True, networks=['E_c'], phases=['G', 'M'], type='Adam', lr=1e-4,
             weight_decay=5e-4))

# ---- stages, in iterations of 8 images: 150 are a pass; clustered anew after half a pass ----
tenth_150 = dict(milestones=[150], gamma=0.1)
control = dict(iters=225, phases=['M'], labels='cluster', start='generators', eval_every=225,
               lr=dict(E_c=tenth_150))
train_cfg = dict(stages=[
    dict(name='decoder', iters=600, phases=['R'], loaders=['target'], frozen=['E_c'],
         loss_weights=dict(memory=0), lr=dict(G=dict(scale=5.0)),
         baselines=['direct', 'adabn']),                                   # the warm-up's rows
    dict(name='generators', iters=200, phases=['D', 'G'], loaders=['target'], frozen=['E_c'],
         loss_weights=dict(memory=0)),
    dict(name='joint', title='GCL: joint', iters=225, phases=['D', 'G'], loaders=['target'],
         labels='cluster', eval_every=225, lr=dict(D=tenth_150, G=tenth_150, E_c=tenth_150)),
    dict(name='same', title='control: the image again', loaders=dict(target='same'), **control),
    dict(name='changed', title='control: colours and erasing', loaders=dict(target='changed'),
         **control),
    dict(name='turned', title='oracle: rendered from another side', loaders=dict(target='turned'),
         **control)])
default_hooks = dict(
    logger=dict(interval=25),
    checkpoint=dict(interval=75),
    pseudo_label=dict(interval=75, clustering=dict(
        _delete_=True, type='JaccardDBSCAN', k1=20, k2=6, eps=0.5, min_samples=4)),
    grid=dict(interval=75))

# ---- data: the same views for the generator and for the oracle ----
resize = dict(type='Resize', size=(128, 64))
train = dict(**_base_.synth_b, split='train', labelled=False, transforms=[resize])
changed = [resize,
           dict(type='ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.05),
           dict(type='RandomErase', prob=0.5)]
views = [45, 90, 135, 180, 225, 270, 315]
one, two = dict(batch_size=8, num_workers=1), dict(batch_size=8, num_workers=2)
train_dataloader = dict(
    target=dict(**one, dataset=dict(**train, pose_map=dict(type='SyntheticMesh', views=views))),
    same=dict(**_base_.shuffled | one, dataset=train),
    changed=dict(**_base_.shuffled | one,
                 dataset=dict(type='TwoViews', dataset=train, transforms=changed)),
    turned=dict(**_base_.shuffled | two,
                dataset=dict(type='TwoViews', dataset=train, turns=views)))
val_dataloader = dict(target=dict(
    num_workers=1, dataset=dict(**_base_.synth_b, split='query+gallery', transforms=[resize])))
