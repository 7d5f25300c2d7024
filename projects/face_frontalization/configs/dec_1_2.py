"""December 1_2: linear layers from the code beside four maps of the decoder.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/december.py']

model = dict(networks=dict(G=dict(bridge=True)))
