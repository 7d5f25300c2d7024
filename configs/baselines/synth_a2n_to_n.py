"""Oracle of a perfect translation: the people of A under the cameras of N, tested on N.

As synth_a2b_to_b.py; only what differs.

Needs:   nothing; as gcl_synth.py.
Result:  docs/results/synth_a_to_n.md.   Cost: as synth_a2b_to_b.py.
"""
_base_ = ['synth_a2b_to_b.py']

train_dataloader = dict(identity=dict(dataset=dict(domain='synth_a2n')))
val_dataloader = dict(target=dict(dataset=dict(domain='synth_n')))
