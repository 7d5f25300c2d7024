"""Training iteration of any model: freezing, backpropagation and optimizer steps."""

from collections.abc import Mapping

import torch
from torch import Tensor

from reidgen.models import AdversarialModel

from .heartbeat import HEARTBEAT
from .micro_batches import MicroBatches, mean_logs


def run_phases(
    model: AdversarialModel, batch, optim, iteration: int, done: int
) -> dict[str, Tensor]:
    """Runs the due phases in order on a preprocessed batch or its micro-batches.

    Gradients are accumulated over micro-batches phase by phase: the networks of a phase are stepped
    once, by the mean gradient of all micro-batches, before the next phase begins. So the generator
    of the second micro-batch meets the discriminator that all have trained, as in one batch n times
    as large, and a step is that batch's, but for what depends on other images: batch norm's
    statistics, hard triplets and pairs of batch-mates are those of a micro-batch, and so are random
    numbers. A second evaluation of the shared forward is the price, see `MicroBatches`.

    Args:
        model: out of its distributed wrapper.
        batch: what the model's forward and loss methods take; a list of micro-batches of one size.
        optim: groups by name (an OptimWrapperDict of `NetworkOptimWrapper`).
        iteration: of the whole training, from 0: seeds the random numbers.
        done: iterations of this stage: a phase with `every=n` is due in the last of every n.

    Returns:
        0-d detached tensors by log key: `D/loss` (what was backpropagated), `D/loss_adv.Dt.real`
        (raw terms), `D/stat.Dt.p_real`; means over micro-batches.

    Raises:
        ValueError: a term's family has no weight.
        FloatingPointError: a weighted term is NaN or infinite; nothing was stepped by its phase.
    """
    due = [
        phase
        for phase in model.stage_phases
        if (done + 1) % phase.every == 0 and set(phase.trains) - model.frozen
    ]
    micro = MicroBatches(model, batch if isinstance(batch, list) else [batch], due, iteration)
    logs: list[dict[str, Tensor]] = [{} for _ in micro.batches]
    for phase in due:
        HEARTBEAT.beat(f'phase {phase.name}', iteration)
        trained = set(phase.trains) - model.frozen
        model.rng.step = iteration // phase.every
        for number, part in enumerate(micro.batches):
            x = micro.read(phase, number)
            model.train_only(trained)  # gradients flow through the others and stay out of them
            with micro.random_numbers(number), model.autocast():
                terms = phase.losses(part, x)
                total = weigh(terms, model.loss_weights, phase.name)
            check_finite(total, terms, phase.name, iteration)
            (total / micro.num).backward()
            logs[number][f'{phase.name}/loss'] = total.detach()
            for term, value in terms.items():
                logs[number][log_key(phase.name, term)] = value.detach()
        for group in optim.values():
            if group.serves(phase.name) and trained & group.networks:
                group.step()
        model.zero_grad(set_to_none=True)
    for number, part in enumerate(micro.batches):  # after the last backward
        model.update_memory(part, micro.kept[number], logs[number])
    return mean_logs(logs)


def log_key(phase: str, term: str) -> str:
    """Log key of a term, `G/loss_recon.t2t`, or of a statistic, `D/stat.Dt.p_real`."""
    return f'{phase}/{term}' if term.startswith('stat.') else f'{phase}/loss_{term}'


def weigh(terms: Mapping[str, Tensor], weights: Mapping[str, float], phase: str) -> Tensor:
    """Weighted sum of the raw loss terms, 0-d float32.

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
    """Raises FloatingPointError with terms and iteration for a NaN or infinite sum."""
    if torch.isfinite(total):
        return
    broken = {term: value.item() for term, value in terms.items() if not torch.isfinite(value)}
    shown = ', '.join(f'{term} = {value}' for term, value in broken.items()) or 'their weighted sum'
    raise FloatingPointError(
        f'iteration {iteration + 1}, phase {phase}: {shown}. Training stops before the step; the '
        f'last checkpoint is good: resume from it with a lower learning rate or weight'
    )
