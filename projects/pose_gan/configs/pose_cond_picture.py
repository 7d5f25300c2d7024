"""Heatmaps of joints to sports people: `pose_cond.py` the other way.

Needs:   LSP and LSP extended (data_roots.lsp).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./pose_cond.py']

model = dict(direction='to_picture')
