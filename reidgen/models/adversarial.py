"""What every model that is trained in phases has in common."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from reidgen.draws import Draws
from reidgen.registry import MODELS, build, build_network
from reidgen.structures import ImageBatch


@dataclass(frozen=True)
class Phase:
    """One backward pass and the networks it moves."""

    name: str  # 'D', 'G': the prefix of its log keys
    trains: tuple[str, ...]  # networks that move; all others are frozen meanwhile
    losses: str  # method of the model: (batch, x) -> {'family.detail': 0-d tensor}
    every: int = 1  # n: the last of every n iterations of the stage
    shared: bool = True  # reads x = forward(batch); False: x is None
    reads: tuple[str, ...] = ()  # fields of the batch that a stage must draw for it
    forward: str = 'translate'  # method of the model: batch -> x, once for all phases of a stage
    detached: bool = False  # its losses detach x: where only such phases are due, x has no graph


class AdversarialModel(BaseModel):
    """Networks by name, phases in step order, weights by family.

    A subclass declares `phases` and `loss_families` and writes `translate` and one loss method a
    phase; `reidgen.engine.step.run_phases` freezes, backpropagates and steps.

    A term is named `family.detail`. `loss_weights` weighs families (`recon=5.0`), in one phase
    alone with a prefix (`{'D/adv': 0.5}`). Terms named `stat.*` are logged and never summed.

    Args:
        networks: name -> config of a registered network; each becomes a submodule of that name.
        loss_weights: a weight for every family of `loss_families`; 0 switches a family off.
        data_preprocessor: config of the batch normaliser; ImageNet statistics by default.

    Raises:
        ValueError: a network that a phase trains, or a family's weight, is missing, or one is
            unknown.
    """

    phases: ClassVar[tuple[Phase, ...]] = ()
    loss_families: ClassVar[tuple[str, ...]] = ()
    encoder_name: ClassVar[str] = 'E_c'  # the network that `embed` evaluates

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        data_preprocessor: dict | None = None,
    ):
        normalizer = build(data_preprocessor or dict(type='BatchNormalizer'), MODELS)
        super().__init__(data_preprocessor=normalizer)
        self.network_names = tuple(networks)
        for name, network in networks.items():
            self.add_module(name, build_network(network))
        # a network may keep parameters frozen for good; no phase thaws those
        self.trainable = {
            name: [p for p in getattr(self, name).parameters() if p.requires_grad]
            for name in networks
        }
        missing = {name for phase in self.phases for name in phase.trains} - set(networks)
        if missing:
            raise ValueError(
                f'{type(self).__name__} needs the networks {sorted(missing)}; '
                f'model.networks has {sorted(networks)}'
            )
        self.loss_weights = self._checked_weights(loss_weights)
        missing = set(self.loss_families) - set(loss_weights)
        if missing:
            raise ValueError(
                f'model.loss_weights has no weight for {sorted(missing)}; '
                f'set each (0 switches it off)'
            )
        self._base_weights = dict(self.loss_weights)
        self.draws = Draws()
        self.amp = False
        self.stage_name: str | None = None
        self.frozen: frozenset[str] = frozenset()
        self.stage_phases: tuple[Phase, ...] = self.phases

    # ---- written by a model ----

    @property
    def evaluated(self) -> tuple[str, ...]:
        """Networks that `embed` evaluates: what an evaluation needs of a checkpoint."""
        known = self.encoder_name in self.network_names
        return (self.encoder_name,) if known else self.network_names

    @property
    def forward_name(self) -> str | None:
        """Method whose result the phases of this stage share; None where none shares any."""
        return next((phase.forward for phase in self.stage_phases if phase.shared), None)

    def translate(self, batch) -> NamedTuple:
        """Everything the phases share, computed once: one graph."""
        raise TypeError(
            f'{type(self).__name__} has a phase with shared=True and no method translate'
        )

    def remember(self, batch, x, logs: dict[str, Tensor]) -> None:
        """Writes memories and other state; called after the last backward of the iteration."""

    def memories(self) -> dict[str, str]:
        """Memories that this stage reads and writes, which must be filled before it: name of the
        bank -> field of the batch whose images it holds.
        """
        return {}

    def embed(self, img: Tensor) -> Tensor:
        """(B, 3, H, W) normalised images to (B, D) features, L2-normalised: evaluation."""
        raise TypeError(f'{type(self).__name__} has no embedding to evaluate')

    def paint(self, batch, to: str, style: int = 0) -> Tensor:
        """(B, 3, H, W) images of the batch in the style of domain `to`: translation.

        Args:
            style: which one, where the model has several; others paint alike whatever it is.
        """
        raise TypeError(f'{type(self).__name__} paints no images')

    def check_painting(self, dataset, images: str, to: str) -> None:
        """Raises ValueError where a data set, of the loader `images`, cannot be painted as `to`."""

    def style_cameras(self, batch, to: str, style: int = 0) -> Tensor | None:
        """(B,) cameras of domain `to`, from 0, that `paint` paints as; None where styles are
        none of cameras.
        """
        return None

    def panel(self, batch) -> list[tuple[str, Tensor]]:
        """Columns (title, (B, C, H, W) normalised) of a picture that shows what the model
        paints.
        """
        return []

    def check_data(
        self,
        datasets: dict[str, torch.utils.data.Dataset],
        batch_sizes: dict[str, int],
        stages: Sequence,
    ) -> None:
        """Raises where data sets, batch sizes and stages do not fit the networks; before
        training.
        """

    # ---- stages and phases ----

    def enter_stage(
        self,
        name: str | None,
        phases: Sequence[str] | None = None,
        frozen: Sequence[str] = (),
        loss_weights: dict[str, float] | None = None,
    ) -> None:
        """Sets what this stage runs, freezes and weighs: the only freeze switch.

        Frozen in a stage is more than idle in a phase: the networks are in eval mode too, so their
        batch-norm statistics stand still. Gradients still flow through them.

        Raises:
            ValueError: an unknown phase, network or loss family; the known ones are listed. Or
                phases that share different forwards.
        """
        known = {phase.name: phase for phase in self.phases}
        self._check(phases or (), known, f'stage {name}: phases')
        self._check(frozen, self.network_names, f'stage {name}: frozen')
        chosen = tuple(p for p in self.phases if phases is None or p.name in phases)
        forwards = sorted({phase.forward for phase in chosen if phase.shared})
        if len(forwards) > 1:
            raise ValueError(
                f'stage {name}: its phases {[p.name for p in chosen]} read what different methods '
                f'make ({", ".join(forwards)}); name phases of one of them in the stage, and give '
                f'the others a stage of their own'
            )
        self.stage_name, self.stage_phases = name, chosen
        self.frozen = frozenset(frozen)
        given = self._checked_weights(loss_weights or {})
        # what a stage says of a family holds in every phase, also where the model weighs one apart
        base = self._base_weights
        kept = {key: base[key] for key in base if key.rpartition('/')[2] not in given}
        self.loss_weights = kept | given
        self.train(self.training)

    def train_only(self, names: Sequence[str]) -> None:
        """Freezes all networks but these, less what the stage freezes; used by `run_phases`
        alone.
        """
        for name, parameters in self.trainable.items():
            trains = name in names and name not in self.frozen
            for parameter in parameters:
                parameter.requires_grad_(trains)

    def train(self, mode: bool = True) -> 'AdversarialModel':
        super().train(mode)
        for name in getattr(self, 'frozen', ()):
            getattr(self, name).eval()
        return self

    def on(self, family: str) -> bool:
        """Whether the stage weighs this family in any phase; a model skips the cost of one that is
        off.
        """
        return any(
            weight != 0
            for key, weight in self.loss_weights.items()
            if key.rpartition('/')[2] == family
        )

    def autocast(self) -> AbstractContextManager:
        """bfloat16 autocast over forwards and losses where `--amp` asks for it; no loss scaler."""
        device = self.data_preprocessor.device.type
        return torch.autocast(device, dtype=torch.bfloat16, enabled=self.amp)

    # ---- mmengine ----

    def init_weights(self) -> None:
        """Networks initialise themselves when they are built."""

    def forward(self, batch: ImageBatch) -> Tensor:
        """(B, D) features of a normalised batch."""
        return self.embed(batch.img)

    @torch.no_grad()
    def val_step(self, data) -> Tensor:
        """(B, D) float32 features of a batch as loaders hand it out."""
        with self.autocast():
            features = self.embed(self.data_preprocessor(data).img)
        return features.float()

    test_step = val_step

    def _checked_weights(self, weights: dict[str, float]) -> dict[str, float]:
        self._check([key.rpartition('/')[2] for key in weights], self.loss_families, 'loss_weights')
        self._check(
            [key.partition('/')[0] for key in weights if '/' in key],
            [phase.name for phase in self.phases],
            'loss_weights: phases',
        )
        return {key: float(weight) for key, weight in weights.items()}

    def _check(self, given, known, what: str) -> None:
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ValueError(
                f'{what}: {type(self).__name__} has no {unknown}; known: {sorted(known)}'
            )


def bare(model: nn.Module) -> AdversarialModel:
    """The model itself, out of a distributed wrapper if it is in one."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
