"""gcl_memories.py with everything that a training writes: 14 iterations, best files, grids."""

_base_ = ['gcl_memories.py']
custom_imports = dict(imports=['tiny_networks', 'kill_hooks'])  # this folder must be on the path

pair = dict(phases=['D', 'G'], loaders=['source', 'target'])
train_cfg = dict(
    stages=[
        dict(name='identity', iters=3, phases=['I'], loaders=['identity'], eval_every=2),
        dict(name='generators', iters=3, frozen=['E_c'], loss_weights=dict(memory=0), **pair),
        dict(
            name='joint', iters=4, start='best', baselines=['direct', 'adabn'], eval_every=2, **pair
        ),
        dict(
            name='clusters',
            iters=4,
            phases=['T'],
            loaders=['clusters'],
            labels='cluster',
            start='identity',
            eval_every=2,
        ),
    ]
)
default_hooks = dict(
    checkpoint=dict(interval=2, save_best='mAP', best_stages=None, max_keep_ckpts=2),
    best_loss=dict(
        _delete_=True, type='BestLossHook', stage='generators', term='G/loss', interval=1
    ),
    grid=dict(_delete_=True, type='TranslationGridHook', interval=2, num_images=2),
    pseudo_label=dict(interval=3, num_drawn=2),
)
custom_hooks = [dict(type='DrawHook'), dict(type='TranslateHook', stage='joint')]
val_cfg = dict(both=True)
