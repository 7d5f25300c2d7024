"""Base of models that are trained in phases."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import ClassVar

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from reidgen.registry import MODELS, build, build_network
from reidgen.rng import StepRNG
from reidgen.structures import ImageBatch

from .layers.ghost_batch_norm import use_bn_group
from .phases import MemoryUse, Phase


class AdversarialModel(BaseModel):
    """Base of all models: networks by name, phases in step order, loss weights by family.

    A subclass declares `loss_families` and writes `phases`, the forward that the phases share, and
    one loss method a phase; `reidgen.engine.step.run_phases` freezes, backpropagates and steps.

    A term is named `family.detail`. `loss_weights` weighs families (`recon=5.0`), in one phase
    alone with a prefix (`{'D/adv': 0.5}`). Terms named `stat.*` are logged and never summed.

    Args:
        networks: name -> config of a registered network; each becomes a submodule of that name.
        loss_weights: a weight for every family of `loss_families`; 0 switches a family off.
        data_preprocessor: config of the batch normaliser; ImageNet statistics by default.

    Raises:
        ValueError: a family's weight is missing, or one is unknown.
    """

    loss_families: tuple[str, ...] = ()
    default_weights: ClassVar[dict[str, float]] = {}  # of families that a config may leave out
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
            built = build_network(network, f'model.networks.{name}')
            # convolutions follow the format of their weights, and are faster in this one
            self.add_module(name, built.to(memory_format=torch.channels_last))
        # a network may keep parameters frozen for good; no phase thaws those
        self.trainable = {
            name: [p for p in getattr(self, name).parameters() if p.requires_grad]
            for name in networks
        }
        self.loss_weights = self._checked_weights(self.default_weights | dict(loss_weights))
        missing = set(self.loss_families) - set(self.loss_weights)
        if missing:
            raise ValueError(
                f'model.loss_weights has no weight for {sorted(missing)}; '
                f'set each (0 switches it off)'
            )
        self._base_weights = dict(self.loss_weights)
        self.rng = StepRNG()
        self.amp = False
        self.stage_name: str | None = None
        self.frozen: frozenset[str] = frozenset()
        self._running: frozenset[str] | None = None  # names of the stage's phases; None: all
        self._every: dict[str, int] = {}  # of the stage's phases, where it is not their own

    # ---- written by a model ----

    def phases(self) -> tuple[Phase, ...]:
        """Phases in step order; one that trains nothing has none."""
        return ()

    @property
    def evaluated(self) -> tuple[str, ...]:
        """Networks that `embed` evaluates: what an evaluation needs of a checkpoint."""
        known = self.encoder_name in self.network_names
        return (self.encoder_name,) if known else self.network_names

    @property
    def retrieval_encoder(self) -> nn.Module:
        """Network of images whose batch norm AdaBN adapts: the encoder by default."""
        return getattr(self, self.encoder_name)

    def embed(self, img: Tensor) -> Tensor:
        """(B, 3, H, W) normalised images to (B, D) features, L2-normalised: evaluation."""
        raise TypeError(f'{type(self).__name__} has no embedding to evaluate')

    def translate(self, batch, to: str, style: int = 0) -> Tensor:
        """(B, 3, H, W) images of the batch in the style of domain `to`: translation.

        Args:
            style: which one, where the model has several; others translate alike whatever it is.
        """
        raise TypeError(f'{type(self).__name__} translates no images')

    def check_translation(self, dataset, images: str, to: str) -> None:
        """Raises ValueError where a data set of loader `images` cannot be translated as `to`."""

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        """Columns (title, (B, C, H, W) normalised) of a picture that shows what the model
        translates.
        """
        return []

    @property
    def gan_loss(self) -> nn.Module | None:
        """Adversarial criterion, by whose mode diagnostics read the log; None: none is known."""
        gan = getattr(self, 'gan', None)
        return gan if isinstance(gan, nn.Module) else getattr(gan, 'loss', None)

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        """Generated and real images (B, C, H, W), normalised, by a name: are the first diverse?"""
        return {}

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

    @property
    def stage_phases(self) -> tuple[Phase, ...]:
        """Phases of the current stage, in step order."""
        running = [p for p in self.phases() if self._running is None or p.name in self._running]
        every = self._every
        return tuple(replace(p, every=every[p.name]) if p.name in every else p for p in running)

    def active_banks(self) -> dict[str, str]:
        """Feature banks that this stage reads and writes, which must be filled before it: name of
        the bank -> field of the batch whose images it holds."""
        return {use.bank: use.field for use in self._active_memory()}

    def update_memory(self, batch, x, logs: dict[str, Tensor]) -> None:
        """Writes embeddings into the active banks; called after the last backward pass.

        Args:
            x: what the stage's forward gave; None, and nothing is written, where no phase that
                reads it was due.
            logs: of the iteration, for models that keep other state (BEGAN's k).
        """
        for use in self._active_memory() if x is not None else ():
            index = getattr(batch, use.field).index
            getattr(self, use.bank).update(index, use.embedding(x).detach())

    def _active_memory(self) -> list[MemoryUse]:
        return [use for phase in self.stage_phases for use in phase.memory if self.on(use.family)]

    def check_phases(self) -> None:
        """Raises ValueError where phases train networks that the model does not have, weights name
        phases that it does not have, or a memory has no forward; before training."""
        names = [phase.name for phase in self.phases()]
        self._check(
            [key.partition('/')[0] for key in self._base_weights if '/' in key],
            names,
            'loss_weights: phases',
        )
        blind = [phase.name for phase in self.phases() if phase.memory and phase.forward is None]
        if blind:
            raise ValueError(
                f'{type(self).__name__}: phase {blind[0]} has a memory and no forward, whose '
                f'embeddings would be written there; give it one'
            )
        missing = {n for phase in self.phases() for n in phase.trains} - set(self.network_names)
        if missing:
            raise ValueError(
                f'{type(self).__name__} needs the networks {sorted(missing)}; '
                f'model.networks has {sorted(self.network_names)}'
            )

    def enter_stage(
        self,
        name: str | None,
        phases: Sequence[str] | None = None,
        frozen: Sequence[str] = (),
        loss_weights: dict[str, float] | None = None,
        every: Mapping[str, int] | None = None,
        bn_group: int | None = None,
    ) -> None:
        """Sets what this stage runs, freezes and weighs: the only freeze switch.

        Frozen in a stage is more than idle in a phase: the networks are in eval mode too, so their
        batch-norm statistics stand still. Gradients still flow through them.

        Raises:
            ValueError: an unknown phase, network or loss family; the known ones are listed. Or
                phases that share different forwards.
        """
        known = [phase.name for phase in self.phases()]
        self._check(phases or (), known, f'stage {name}: phases')
        self._check(frozen, self.network_names, f'stage {name}: frozen')
        self._check(every or (), known, f'stage {name}: every')
        self._every = dict(every or {})
        self._running = frozenset(known if phases is None else phases)
        forwards = sorted({p.forward.__name__ for p in self.stage_phases if p.forward is not None})
        if len(forwards) > 1:
            raise ValueError(
                f'stage {name}: its phases {[p.name for p in self.stage_phases]} read what '
                f'different methods give ({", ".join(forwards)}); name phases of one of them in '
                f'the stage, and give the others a stage of their own'
            )
        self.stage_name = name
        self.frozen = frozenset(frozen)
        self.loss_weights = self._stage_weights(loss_weights or {})
        use_bn_group(self, bn_group)
        self.train(self.training)

    def phases_under(self, loss_weights: dict[str, float]) -> tuple[Phase, ...]:
        """The phases under the weights of a stage, which may decide what they train and read."""
        kept, self.loss_weights = self.loss_weights, self._stage_weights(loss_weights)
        try:
            return self.phases()
        finally:
            self.loss_weights = kept

    def _stage_weights(self, loss_weights: dict[str, float]) -> dict[str, float]:
        given = self._checked_weights(loss_weights)
        # what a stage says of a family holds in every phase, also where the model weighs one apart
        base = self._base_weights
        return {key: base[key] for key in base if key.rpartition('/')[2] not in given} | given

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
        return {key: float(weight) for key, weight in weights.items()}

    def _check(self, given, known, what: str) -> None:
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ValueError(
                f'{what}: {type(self).__name__} has no {unknown}; known: {sorted(known)}'
            )


def unwrap_model(
    model: AdversarialModel | nn.parallel.DistributedDataParallel,
) -> AdversarialModel:
    """The model itself, out of a distributed wrapper if it is in one."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
