"""Adversarial terms in the log of a training, by their keys."""

import re
from collections.abc import Mapping

from .objectives import Objective
from .rules import Adversary

REAL = re.compile(r'(\w+)/loss_adv\.(.+)\.real')
K = re.compile(r'(.*)stat\.k')


def is_adversarial(keys: Mapping[str, float]) -> bool:
    """Whether a log has terms of a discriminator, or a BEGAN's k."""
    return any(REAL.fullmatch(key) or K.fullmatch(key) for key in keys)


def adversaries(values: Mapping[str, float], objective: Objective) -> list[Adversary]:
    """Discriminators of a log: `D/loss_adv.Dt.real` and what goes with it."""
    names = [match.groups() for key in values if (match := REAL.fullmatch(key))]
    found = []
    for phase, name in names:
        real, fake = (values.get(f'{phase}/loss_adv.{name}.{end}') for end in ('real', 'fake'))
        if real is None or fake is None:
            continue
        g_loss = generator_term(values, name)
        if g_loss is None and len(names) == 1:
            g_loss = generator_term(values, None)
        gap = None
        for kind in ('p', 'o'):
            outputs = [values.get(f'{phase}/stat.{name}.{kind}_{end}') for end in ('real', 'fake')]
            if outputs[0] is not None and outputs[1] is not None:
                gap = objective.gap(outputs[0], outputs[1])
        n = objective.scales
        losses = (real + fake) / n, real / n, None if g_loss is None else g_loss / n
        found.append(Adversary(f'{phase}/{name}', *losses, gap))
    return found


def generator_term(values: Mapping[str, float], name: str | None) -> float | None:
    """Adversarial term of a generator, `G/loss_adv.<name>`; the only one where name is None."""
    terms = {
        key.partition('/loss_adv.')[2]: value
        for key, value in values.items()
        if '/loss_adv.' in key and not key.endswith(('.real', '.fake'))
    }
    if name is not None:
        return terms.get(name)
    return next(iter(terms.values())) if len(terms) == 1 else None


def named(values: Mapping[str, float], name: str) -> float | None:
    """Value of a statistic in whatever phase it is logged."""
    return next((v for key, v in values.items() if key.rpartition('/')[2] == name), None)
