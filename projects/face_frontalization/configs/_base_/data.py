"""Faces, where they lie and how they are cut; encoders' weights.

`--cfg-options data_roots.multi_pie=/data/multi_pie` says where. Multi-PIE is licensed, its crops of
250 x 250 are the user's; the encoders' weights are theirs who trained them.
"""
_base_ = ['../../../../configs/_base_/runtime.py', '../../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.face_frontalization.face_frontalization'])

data_roots = dict(
    multi_pie='data/multi_pie',          # images named SSS_ss_ee_ccc_ii, at any depth
    casia_webface='data/casia_webface',  # profiles, with all below
    face_weights='weights',              # resnet50_vggface2.pth, vgg16_vggface.pth
    face_encoder='work_dirs/face_encoder_synth')    # of face_encoder_synth.py, for rendered faces

resnet50 = dict(type='FaceResNet50', weights='{face_weights}/resnet50_vggface2.pth')
vgg16 = dict(type='FaceVGG16', weights='{face_weights}/vgg16_vggface.pth')

profile_transforms = [dict(type='RandomFlip', prob=0.5), dict(type='RandomCrop', size=(224, 224))]
centre = [dict(type='CentreCrop', size=(224, 224))]
# 100 persons, 7 cameras within 45 degrees, 20 lights
profiles = dict(type='MultiPIE', root='{multi_pie}', protocol='setting1',
                transforms=profile_transforms)
# 249 persons, 15 cameras, 20 lights, 2 expressions: 200 persons are trained with
session01 = dict(type='MultiPIE', root='{multi_pie}', protocol='session01',
                 transforms=profile_transforms)
# with the neutral frontal face under the flash 07, cut from the middle
pairs = dict(type='FrontalPairs', dataset=profiles)
session01_pairs = dict(type='FrontalPairs', dataset=session01)
fronts = dict(type='MultiPIE', root='{multi_pie}', protocol='setting1', camera_ids=[51],
              transforms=centre)

loader = dict(num_workers=8, drop_last=True, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
