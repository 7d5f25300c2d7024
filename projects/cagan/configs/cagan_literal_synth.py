"""CAGAN with the faults of cagan_literal.py on the rendered people, sized as cagan_synth.py.

What is no fault (batch, margin, starting weights, learning rates, D's injection and noise) stays as
in cagan_synth.py, so that the two tell what the faults do.

Needs:   as cagan_synth.py.
Result:  projects/cagan/README.md.   Cost: as cagan_synth.py.
"""
_base_ = ['cagan_synth.py']

model = dict(
    networks=dict(
        G=dict(head='norm_lrelu'),       # neither alpha nor picture is bounded
        D=dict(head_padding=0)),         # the ring of patches at the border is lost
    adv_on='cycle',                      # no term ties x_ij to y_j
    id_loss=dict(reduction='sum'),       # alpha's sum over the batch
    loss_weights=dict(id=0.1))           # the published weight: it outweighs all else
