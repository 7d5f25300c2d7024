"""December 1_4: the discriminator on VGG-16's maps of the face, 1 : 0.01 : 0.01.

Needs:   Multi-PIE (data_roots.multi_pie), VGG-16 of VGG-Face (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./_base_/december.py']

model = dict(
    networks=dict(D=dict(in_channels=128, size=56)),
    d_input='pool2',
    loss_weights=dict(fea=0.01))
