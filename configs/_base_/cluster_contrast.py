"""Cluster contrast at full size: network, criterion, memory, optimizer, loader, evaluation.

A config names the data set (`dataset` of the loaders) and its size (`bank.num_samples`).
"""
_base_ = ['runtime.py', 'datasets.py']

model = dict(
    type='ClusterContrast',
    networks=dict(
        # 512 as E_c of GCL, which the weights are for; None for the published embedding of 2048
        E_c=dict(type='ContentEncoder', trunk='resnet50', num_parts=4, embed_dim=512,
                 weights='imagenet')),
    contrast=dict(type='ProxyContrast', temperature=0.05),
    bank=dict(type='CentroidBank', dim=512, momentum=0.1, update_by='all'),    # or 'hardest'
    loss_weights=dict(cluster=1.0))

# ---- optimisation: 50 epochs of 200 iterations, clustered before each ----
optim_wrapper = dict(
    constructor='OptimizerPerGroup',
    E_c=dict(networks=['E_c'], type='Adam', lr=3.5e-4, weight_decay=5e-4))
train_cfg = dict(type='StagedTrainLoop', stages=[
    dict(name='warm_up', title='cluster contrast', iters=10000, loaders=['target'],
         labels='cluster', eval_every=2000,
         lr=dict(E_c=dict(every=4000, gamma=0.1)))])         # 20 epochs
default_hooks = dict(
    checkpoint=dict(interval=1000),
    pseudo_label=dict(type='PseudoLabelHook', interval=200, num_drawn=8, clustering=dict(
        type='JaccardDBSCAN', k1=30, k2=6, eps=0.6, min_samples=4)))

# ---- loaders: 16 clusters x 16 images; of n processes each draws 16 / n clusters ----
collate = dict(type='default_collate')
by_cluster = dict(batch_size=256, num_workers=4, collate_fn=collate,
                  sampler=dict(type='ClusterSampler', num_identities=16, num_images=16,
                               camera_aware=True))
in_order = dict(batch_size=128, num_workers=4, collate_fn=collate,
                sampler=dict(type='DefaultSampler', shuffle=False))
# images stay in shared memory once they are read: 1.3 GB of Market-1501, 1.6 of DukeMTMC
kept = dict(dataset=dict(cache_gb=2))
train_dataloader = dict(target=dict(**by_cluster, **kept))

# ---- evaluation: retrieval in the same domain ----
val_dataloader = dict(target=in_order)
val_cfg = dict(type='RetrievalValLoop')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10), protocol='market1501')
