"""CAGAN as described in the paper: the differences from cagan.py.

One thing stays ours: D ends in one channel of probabilities, where the paper sums its last map.

Needs:   as cagan.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['cagan.py']

model = dict(
    networks=dict(
        G=dict(inject='xi_yi'),          # person and worn garment at every scale
        D=dict(inject=True)),            # and the pair at every scale of D
    id_loss=dict(passes='first'),        # alpha is kept small on the way there alone
    loss_weights=dict(cycle_adv=0.0))    # no adversarial term on the backward swap
