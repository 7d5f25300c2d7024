"""One iteration of any model: the only place that freezes, backpropagates and steps."""

from collections.abc import Mapping

import torch
from torch import Tensor

from reidgen.models import AdversarialModel


def run_phases(
    model: AdversarialModel, batch, optim, iteration: int, done: int
) -> dict[str, Tensor]:
    """Runs the phases that are due, in order, on one preprocessed batch.

    Args:
        model: out of its distributed wrapper.
        batch: what the model's forward and loss methods take.
        optim: groups by name (an OptimWrapperDict of `NetworkOptimWrapper`).
        iteration: of the whole training, from 0: seeds the random numbers.
        done: iterations of this stage: a phase with `every=n` is due in the last of every n.

    Returns:
        0-d detached tensors by log key: `D/loss` (what was backpropagated), `D/loss_adv.Dt.real`
        (raw terms), `D/stat.Dt.p_real`.

    Raises:
        ValueError: a term's family has no weight.
        FloatingPointError: a weighted term is NaN or infinite; nothing was stepped by its phase.
    """
    model.rng.begin(iteration)
    due = [
        phase
        for phase in model.stage_phases
        if (done + 1) % phase.every == 0 and set(phase.trains) - model.frozen
    ]
    shared, logs = None, {}
    readers = [phase for phase in due if phase.forward is not None]
    if readers:
        model.train_only(model.network_names)
        graph = not all(phase.detached for phase in readers)  # a discriminator's step needs none
        with torch.set_grad_enabled(graph), model.autocast():
            shared = readers[0].forward(batch)  # forward once, one graph
    for phase in due:
        trained = set(phase.trains) - model.frozen
        model.train_only(trained)  # gradients flow through the others and stay out of them
        with model.autocast():
            terms = phase.losses(batch, None if phase.forward is None else shared)
            total = weigh(terms, model.loss_weights, phase.name)
        check_finite(total, terms, phase.name, iteration)
        total.backward()
        for group in optim.values():
            if group.serves(phase.name) and trained & group.networks:
                group.step()
        model.zero_grad(set_to_none=True)
        logs[f'{phase.name}/loss'] = total.detach()
        for term, value in terms.items():
            logs[log_key(phase.name, term)] = value.detach()
    model.update_memory(batch, shared, logs)  # after the last backward
    return logs


def log_key(phase: str, term: str) -> str:
    """`G/loss_recon.t2t`; statistics keep their name: `D/stat.Dt.p_real`."""
    return f'{phase}/{term}' if term.startswith('stat.') else f'{phase}/loss_{term}'


def weigh(terms: Mapping[str, Tensor], weights: Mapping[str, float], phase: str) -> Tensor:
    """Weighted sum of raw terms, 0-d float32: the only place where a weight is applied.

    Raises:
        ValueError: a family has neither a weight of its own nor one for this phase.
    """
    total = None
    for term, value in terms.items():
        family = term.partition('.')[0]
        if family == 'stat':
            continue
        weight = weights.get(f'{phase}/{family}', weights.get(family))
        if weight is None:
            raise ValueError(
                f"the term '{term}' of phase {phase} has no weight: set "
                f'model.loss_weights.{family}; weighted are {sorted(weights)}'
            )
        if weight != 0:
            total = weight * value.float() + (0 if total is None else total)
    if total is None:
        raise ValueError(
            f'phase {phase} has no term with a weight other than 0: its terms are '
            f'{sorted(terms)}; switch the phase off in the stage instead'
        )
    return total


def check_finite(total: Tensor, terms: Mapping[str, Tensor], phase: str, iteration: int) -> None:
    """Raises FloatingPointError that names the terms and the iteration if the sum is NaN or
    infinite.
    """
    if torch.isfinite(total):
        return
    broken = {term: value.item() for term, value in terms.items() if not torch.isfinite(value)}
    shown = ', '.join(f'{term} = {value}' for term, value in broken.items()) or 'their weighted sum'
    raise FloatingPointError(
        f'iteration {iteration + 1}, phase {phase}: {shown}. Training stops before the step; the '
        'last '
        f'checkpoint is good: resume from it with a lower learning rate or weight'
    )
