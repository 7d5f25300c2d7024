"""Pictures and maps that the GANs learn: where they lie, and their sizes.

`--cfg-options data_roots.faces=/data/celeba` says where. Folders are read with all below them.
"""
_base_ = ['../../../../configs/_base_/runtime.py', '../../../../configs/_base_/datasets.py']
custom_imports = dict(imports=['projects.pose_gan.pose_gan'])

data_roots = dict(
    faces='data/celeba/img_align_celeba',    # 218 x 178
    city='data/city',                        # street pictures of 128 x 256
    city_coarse='data/cityscapes_coarse',    # a quarter of 1024 x 2048
    lsp='data/lsp',                          # <lsp>/lsp, <lsp>/lspet
    part_maps='data/part_maps')              # of the pictures of city: head, body, feet in RGB

folder = dict(type='FolderReID', pattern=None, labelled=False)
faces = dict(**folder, root='{faces}')
city = dict(**folder, root='{city}')
city_coarse = dict(**folder, root='{city_coarse}')
part_maps = dict(**folder, root='{part_maps}')
people = dict(type='LSP', root='{lsp}', crop=256)
# right ankle, knee and hip in red, green and blue
joints = dict(
    type='LSP', root='{lsp}', transforms=[dict(type='MapAsImage')],
    pose_map=dict(type='JointMaps', layout='lsp14', joints=[0, 1, 2], box='person',
                  size=(64, 64), sigma=3.0))

loader = dict(num_workers=4, drop_last=True, collate_fn=dict(type='default_collate'),
              sampler=dict(type='ShuffleSampler'))
