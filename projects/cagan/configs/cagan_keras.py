"""CAGAN as in shaoanlu's Keras implementation (CAGAN.ipynb): the differences from cagan.py.

Its own: both networks; person and worn garment at every scale; alpha kept small on the way there
alone; no adversarial term on the way back; the discriminator's loss doubled; bilinear pictures;
5,000 iterations. It was trained on about 2,000 pairs of its author's, in the layout 'one_five'.

Needs:   as cagan.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['cagan.py']

model = dict(
    networks=dict(
        G=dict(_delete_=True, type='KerasCAGANGenerator', base_dim=64),
        D=dict(_delete_=True, type='KerasCAGANDiscriminator', base_dim=64)),
    id_loss=dict(passes='first'),
    loss_weights={'D/adv': 2.0, 'D/mismatch': 2.0, 'cycle_adv': 0.0})
train_cfg = dict(stages=[dict(name='swap', iters=5000)])

train_dataloader = dict(pairs=dict(dataset=dict(interpolation='bilinear')))
test_dataset = dict(interpolation='bilinear')
