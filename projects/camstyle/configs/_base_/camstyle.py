"""CamStyle but for its sizes, its data and its schedule."""
_base_ = ['../../../../configs/_base_/runtime.py', '../../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.camstyle.camstyle'])

# ---- model ----
model = dict(
    type='CamStyle', feature='pre_bn',               # the pooled map
    networks=dict(
        E_c=dict(type='ContentEncoder', num_parts=1, embed_dim=None, neck=False, last_stride=2),
        H=dict(type='EmbeddingHead', slope=0.0, dropout=0.5, norm_std=0.0),
        C=dict(type='IdentityClassifier', bias=True)),
    copies_cross_entropy=dict(type='LabelSmoothCrossEntropy', epsilon=0.1),
    loss_weights=dict(identity=1.0, copies=1.0))
optim_wrapper = dict(constructor='OptimizerPerGroup')
train_cfg = dict(type='StagedTrainLoop')

# ---- data ----
loader = dict(num_workers=4, collate_fn=dict(type='default_collate'))
shuffle = dict(type='ShuffleSampler')
train_dataloader = dict(
    identity=dict(**loader, sampler=shuffle),
    copies=dict(**loader, sampler=shuffle, dataset=dict(
        type='StyledReID', own_camera=False, copies='bounding_box_train_camstyle')))

# ---- evaluation ----
val_dataloader = dict(target=dict(
    **loader, batch_size=128, sampler=dict(type='DefaultSampler', shuffle=False)))
val_cfg = dict(type='RetrievalValLoop')
val_evaluator = dict(type='ReIDMetric', ranks=(1, 5, 10))
