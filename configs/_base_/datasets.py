"""Where the data sets lie, and how pictures are prepared.

`data_roots` is the one place of paths: `--cfg-options data_roots.market1501=/data/market1501`. A
list is tried in order. Elsewhere `'{name}/folder'` stands for the root.
"""
data_roots = dict(
    market1501='data/market1501',
    dukemtmc='data/dukemtmc',
    msmt17='data/msmt17',
    cuhk03='data/cuhk03-np',
    synthetic='data/synthetic',     # rendered on first use
    translated='data/translated',   # a copy of a set in the layout of Market-1501
    mesh='data/mesh',               # <mesh>/<data set>/{train,test}/render[_deg]
    # small sets of real photographs in Market-1501 layout
    real_reid=['data/real_reid', '../shared/data/real_reid'],
    weights=['weights', '../shared/weights'])

market1501 = dict(type='Market1501', root='{market1501}')
dukemtmc = dict(type='DukeMTMC', root='{dukemtmc}')
msmt17 = dict(type='MSMT17', root='{msmt17}')
cuhk03 = dict(type='CUHK03', root='{cuhk03}')
synth_a = dict(type='SyntheticReID', domain='synth_a', root='{synthetic}')
synth_b = dict(type='SyntheticReID', domain='synth_b', root='{synthetic}')
synth_a2b = dict(type='SyntheticReID', domain='synth_a2b', root='{synthetic}')
synth_n = dict(type='SyntheticReID', domain='synth_n', root='{synthetic}')
synth_a2n = dict(type='SyntheticReID', domain='synth_a2n', root='{synthetic}')
faces = dict(type='SyntheticFaces', root='{synthetic}')
mot17_04 = dict(type='FolderReID', layout='market', root='{real_reid}/mot17_04')
pets_s2l1 = dict(type='FolderReID', layout='market', root='{real_reid}/pets_s2l1')

# height, width; bicubic, antialiased: the same in training and test
train_transforms = [dict(type='Resize', size=(256, 128))]
test_transforms = [dict(type='Resize', size=(256, 128))]
identity_transforms = [
    dict(type='Resize', size=(256, 128)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomPadCrop', padding=10),
    dict(type='RandomErase', prob=0.5)]
