"""IDE+ on the rendered people: batch norm of the trunk keeps ImageNet's statistics, rates a tenth.

AdaBN (adabn/mAP) replaces the statistics that IDE+ kept.

Needs:   nothing; as gcl_synth.py.
Result:  mAP 62.6, mean of three seeds, AdaBN 18.1. docs/results/identity_baselines.md.
Cost:    12 minutes of one CPU core, rendering apart.
"""
_base_ = ['./ide_synth_a_to_b.py']

model = dict(networks=dict(E_c=dict(frozen_bn='stats')))
optim_wrapper = dict(E=dict(lr=0.001), H=dict(lr=0.01))
