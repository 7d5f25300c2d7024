"""Sports people to heatmaps of their joints, 256 x 256, in the 16 slots of MPII: 20 passes.

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/pose_cond.py']

model = dict(map_channels=16)
train_cfg = dict(stages=[dict(name='gan', iters=13740, loaders=['real'])])
train_dataloader = dict(real=dict(dataset=dict(
    type='LSPSlots', root='{lsp}', crop=256,
    pose_map=dict(type='JointMaps', layout='mpii16', size=(256, 256), sigma=12.0))))
