"""Trained on a translated copy of synth_a, tested on synth_n.

As synth_translated_to_b.py; only what differs.

Needs:   a copy in Market-1501 layout, as tools/translate.py writes it, as data_roots.translated.
Result:  not yet measured.   Cost: as synth_translated_to_b.py.
"""
_base_ = ['synth_translated_to_b.py']

night = dict(domain='synth_n')
train_dataloader = dict(target=dict(dataset=night))
val_dataloader = dict(target=dict(dataset=night))
