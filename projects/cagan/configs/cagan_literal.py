"""CAGAN as published in zebincai/imaginaire at commit 2b7413ab, with its faults, minus its crash.

For comparison only: each line below is a deviation from the method, and says which. The crash that
is left out: its picture writer unpacks the network's one tensor as three.

Needs:   as cagan.py; its author ran five pairs.
Result:  not yet measured; README.md has the same faults measured on rendered people.
Cost:    not yet measured.
"""
_base_ = ['cagan.py']

model = dict(
    networks=dict(
        # fault: instance norm and LeakyReLU on all four output channels. Neither is alpha a mask in
        # [0, 1] nor the picture in [-1, 1], and the norm makes alpha's mean a learned constant,
        # whatever the person
        G=dict(head='norm_lrelu', init='orthogonal'),
        # faults: the head has no padding, so it has 6 x 4 of the 8 x 6 patches that its text
        # promises, and fewer at the picture's border. No fault, but of its own: the pair at every
        # scale, and noise by a learned factor
        D=dict(inject=True, head_padding=0, learned_noise=True, init='orthogonal')),
    # fault: the generator's first adversarial term shows D the picture on the way *back* with y_j.
    # No term ties x_ij to y_j, and x_ji is tied to y_j and y_i at once
    adv_on='cycle',
    # fault: alpha is summed over all pixels of the batch and both passes, not averaged: 24,576 for
    # two pictures at alpha 0.5, times 0.1, against adversarial terms near 1: it drives alpha to 0
    id_loss=dict(reduction='sum'))

# of its own: D learns twice as fast as G
optim_wrapper = dict(D=dict(lr=4e-4))

# of its own: batches of two; persons enlarged by (40, 30) whatever the size, twice what the Keras
# implementation has at this one. Its yaml also sets a hinge loss that its code never reads
train_dataloader = dict(pairs=dict(batch_size=2, dataset=dict(margin=(40, 30))))
