"""CAGAN on VITON or VITON-HD in the layout of try-on code: image/, cloth/ and lists of pairs.

Needs:   data/viton with train_pairs.txt, test_pairs.txt, train/ and test/.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['cagan.py']
data_roots = dict(viton='data/viton')

viton = dict(type='VITON', root='{viton}', size=(128, 96))
train_dataloader = dict(pairs=dict(dataset=dict(_delete_=True, **viton, split='train')))
test_dataset = dict(_delete_=True, **viton, split='test')
