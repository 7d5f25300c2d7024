"""IDE+ on the rendered people: batch norm of the trunk keeps ImageNet's statistics, rates a tenth.

AdaBN (adabn/mAP) replaces the statistics that IDE+ kept.

Needs:   nothing; as gcl_synth.py.
Result:  not yet measured.   Cost: made for 10 minutes of two CPU cores, rendering apart.
"""
_base_ = ['./ide_synth_a_to_b.py']

model = dict(networks=dict(E_c=dict(frozen_bn='stats')))
optim_wrapper = dict(E=dict(lr=0.001), H=dict(lr=0.01))
