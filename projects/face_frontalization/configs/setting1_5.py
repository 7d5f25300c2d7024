"""Setting 1_5: setting 1_4 with profiles of CASIA-WebFace.

Needs:   CASIA-WebFace (data_roots.casia_webface),
         Multi-PIE (data_roots.multi_pie), ResNet-50 of VGGFace2 (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./setting1_4.py']

train_dataloader = dict(profile=dict(dataset=dict(
    _delete_=True, type='FolderReID', root='{casia_webface}', pattern=None, labelled=False,
    transforms=[dict(type='Resize', size=(250, 250)), *_base_.profile_transforms])))
