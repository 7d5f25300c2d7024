"""Losses of pytorch-metric-learning by name."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.registry import LOSSES, accepted, with_options

PACKAGE = 'pytorch_metric_learning'
BASES = dict(
    losses='BaseMetricLossFunction',
    miners='BaseMiner',
    distances='BaseDistance',
    reducers='BaseReducer',
)
# bases, and losses that are not called loss(embeddings, labels)
LEFT_OUT = ('GenericPairLoss', 'VICRegLoss', 'EmbeddingsAlreadyPackagedAsTriplets')


class PMLLoss(nn.Module):
    """Loss of pytorch-metric-learning with the miner that chooses its pairs or triplets.

    Args:
        loss: without parameters of its own.
        miner: None: all pairs or triplets of the batch.

    Raises:
        ValueError: the loss has parameters, which no optimizer would train.
    """

    def __init__(self, loss: nn.Module, miner: nn.Module | None = None):
        super().__init__()
        self.loss, self.miner = loss, miner
        trained = [name for name, _ in loss.named_parameters()]
        if trained:
            raise ValueError(
                f'{type(loss).__name__} has parameters of its own ({", ".join(trained)}), which '
                f'the optimizers of the networks do not hold; choose a loss of embeddings alone'
            )

    def forward(self, embedding: Tensor, pid: Tensor) -> Tensor:
        """Loss, 0-d float32, of embeddings (B, D) and pid (B,)."""
        with torch.autocast(embedding.device.type, enabled=False):
            embedding = embedding.float()
            chosen = None if self.miner is None else self.miner(embedding, pid)
            return self.loss(embedding, pid, chosen)


@LOSSES.register_module()
def PML(
    loss: str,
    miner: str | dict | None = None,
    distance: str | dict | None = None,
    reducer: str | dict | None = None,
    **options: Any,
) -> PMLLoss:
    """Loss of pytorch-metric-learning (Musgrave et al., arXiv 2008.09164) by name.

        dict(type='PML', loss='CircleLoss', m=0.4, gamma=80)
        dict(type='PML', loss='TripletMarginLoss', margin=0.3, miner='BatchHardMiner',
             distance=dict(name='LpDistance', normalize_embeddings=False), reducer='MeanReducer')

    Their distances normalise the embeddings unless told otherwise, and most of their losses average
    over the terms above 0 alone.

    Args:
        loss: name in `pytorch_metric_learning.losses` of one that takes embeddings and labels, and
            has no weights.
        miner, distance, reducer: name in the module of that kind, or dict(name=..., **options);
            None: the loss's own, and no miner. A miner goes by the distance of the loss.
        options: of the loss.

    Raises:
        ImportError: the package is not installed.
        ValueError: an unknown name or option, with near and known ones, or a loss with weights.
    """
    parts = {'distances': distance, 'reducers': reducer}
    for kind, part in parts.items():
        if part is not None:
            options[kind[:-1]] = _built(kind, part, f'PML.{kind[:-1]}')
    made = with_options(_find('losses', loss, 'PML.loss'), options, f'PML(loss={loss!r})')
    mined = None
    if miner is not None:
        mined = _built('miners', miner, 'PML.miner', distance=made.distance)
    return PMLLoss(made, mined)


def _built(kind: str, part: str | dict, place: str, **defaults: Any) -> nn.Module:
    """Part of a loss from its name, or from dict(name=..., **options)."""
    options = dict(part) if isinstance(part, Mapping) else dict(name=part)
    if 'name' not in options:
        raise ValueError(f"{place} is {part!r}; give a name, or dict(name='Name', ...)")
    made_by = _find(kind, options.pop('name'), place)
    known = accepted(made_by) or defaults
    return with_options(
        made_by, {key: value for key, value in defaults.items() if key in known} | options, place
    )


def _find(kind: str, name: str, place: str) -> type[nn.Module]:
    """Class of a name in a module of the package, among those that can be used here."""
    try:
        package = importlib.import_module(f'{PACKAGE}.{kind}')
    except ImportError as error:
        raise ImportError(
            f'{place} {name!r} is of pytorch-metric-learning, which cannot be imported ({error}); '
            f"pip install 'reidgen[pml]' (or -e '.[pml]' in a clone)"
        ) from error
    base: type[nn.Module] = getattr(package, BASES[kind])
    weighted = getattr(package, 'WeightRegularizerMixin', ())  # in `losses` alone
    known = {
        key: value
        for key, value in vars(package).items()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value is not base
        and not issubclass(value, weighted)
        and key not in LEFT_OUT
    }
    found: type[nn.Module] = known[one_of(name, sorted(known), place)]
    return found
