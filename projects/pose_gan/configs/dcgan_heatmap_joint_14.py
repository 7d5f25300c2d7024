"""DCGAN on heatmaps of all fourteen joints of LSP, a channel each.

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./dcgan_heatmap_joint.py']

channels = dict(channels=14)
model = dict(networks=dict(G=channels, D=channels))
train_dataloader = dict(real=dict(dataset=dict(pose_map=dict(joints=None))))
