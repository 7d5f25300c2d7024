"""Pictures, joints and parts of the rendered people of synth_a, in sizes for two CPU cores."""
# training images: 1,234 of 128 x 64; a grid of joints is a square around the person
rendered = dict(type='SyntheticReID', domain='synth_a', root='{synthetic}', maps=False,
               split='train', labelled=False)
as_image = dict(type='MapAsImage')
synth_people = dict(**rendered, transforms=[dict(type='Resize', size=(64, 32))])
synth_joints = dict(                         # right ankle, knee and hip in red, green and blue
    **rendered, transforms=[as_image],
    pose_map=dict(type='JointMaps', layout='openpose18', joints=[10, 9, 8], box='person',
                  size=(32, 32), sigma=1.5))
synth_parts = dict(
    **rendered, transforms=[as_image, dict(type='Resize', size=(64, 32))],
    pose_map=dict(type='PartMap', sigma=2.0))
