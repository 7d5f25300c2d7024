"""Local max pooling of a network trained on translated synth_a, tested on synth_b.

Nothing is trained: this reads the checkpoint of the baseline.

    python tools/test.py projects/spgan/configs/lmp_synth.py \
        work_dirs/synth_translated_to_b/stage_identity.pth \
        --cfg-options model.networks.E_c.num_stripes=2       (the default is 7)

Needs:   the checkpoint.
Result:  README.md.   Cost: the evaluation.
"""
_base_ = ['../../../configs/baselines/synth_translated_to_b.py']
custom_imports = dict(imports=['projects.spgan.spgan'])

model = dict(networks=dict(E_c=dict(type='LMPEncoder', num_stripes=7, stripe_pool='max')))
