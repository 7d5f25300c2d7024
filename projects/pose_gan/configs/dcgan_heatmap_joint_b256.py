"""DCGAN on heatmaps of three joints in batches of 256 instead of 32: does it keep from collapsing?

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./dcgan_heatmap_joint.py']

train_dataloader = dict(real=dict(batch_size=256))
