"""CAGAN as in shaoanlu's Keras implementation: what differs from cagan.py.

Needs:   as cagan.py; it was trained on about 2,000 pairs.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['cagan.py']

model = dict(
    networks=dict(
        G=dict(resize='area'),
        D=dict(_delete_=True, type='KerasCAGANDiscriminator', base_dim=64)),
    gan_loss=dict(input_noise=dict(std=0.05)),       # on all that D sees, for good
    id_loss=dict(passes='first'),
    loss_weights={'D/adv': 2.0, 'D/mismatch': 2.0, 'cycle_adv': 0.0})    # D's update is doubled
train_cfg = dict(stages=[dict(name='swap', iters=8000)])    # it stops at 5,000 to 8,000
