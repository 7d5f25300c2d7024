"""December 1_5: ResNet-50 as encoder.

Needs:   Multi-PIE (data_roots.multi_pie), ResNet-50 of VGGFace2 (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/december.py']

model = dict(networks=dict(
    E=dict(_delete_=True, **_base_.resnet50),
    G=dict(code_dim=2048)))
