"""Local max pooling of IDE trained on translated Market-1501, tested on DukeMTMC-reID.

Nothing is trained: this reads the checkpoint of the baseline. At 256 x 128 its map has eight rows,
so seven stripes overlap by a row; at 224 x 224, the paper's size, they divide it.

    python tools/test.py projects/spgan/configs/lmp_market2duke.py \
        work_dirs/ide_market2duke/stage_identity.pth

Needs:   the checkpoint, data/dukemtmc.
Result:  not yet measured.   Cost: the evaluation.
"""
_base_ = ['../../../configs/baselines/ide_market2duke.py']
custom_imports = dict(imports=['projects.spgan.spgan'])

model = dict(networks=dict(E_c=dict(type='LMPEncoder', num_stripes=7, stripe_pool='max')))
