"""PPLR: the model, and its hook of pseudo-labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from reidgen.engine.hooks import PseudoLabelHook
from reidgen.models import ClusterContrast, MemoryUse, Phase
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS, MODELS

from .bank import PartCentroidBank
from .encoder import PartEncoder
from .losses import PartRefinedContrast


class Embeddings(NamedTuple):
    """Embeddings of images and of their parts, raw."""

    v: Tensor  # (B, D)
    parts: Tensor  # (B, P, D)

    def joined(self) -> Tensor:
        """(B, (1 + P) * D), as a PartCentroidBank takes them."""
        return torch.cat([self.v, self.parts.flatten(1)], dim=1)


@MODELS.register_module()
class PPLR(ClusterContrast):
    """ClusterContrast with part-based pseudo-label refinement (PPLR: Cho et al., CVPR 2022).

        x --E_c--> v, parts    cluster.t(v, centroids of clusters and what the parts take it for)
                               part.t(parts, centroids of clusters, smoothed where they disagree)

    With a `per_camera` bank it is PPLR with camera-aware proxies, whose `inter` loss is of the
    images and the mean of their parts. Images are clustered, and tested, by v alone.

    Args:
        contrast: config of a PartRefinedContrast.
        bank: config of a PartCentroidBank.
        refined_stages: names of the stages whose labels are refined; others train by the clusters
            as they are. Published is a start without smoothing, of a tenth of the training.
        options: of ClusterContrast; families are `cluster`, `part` and `inter`, and E_c is a
            PartEncoder.

    Raises:
        ValueError: network, criterion and memory are no such, or their parts differ in number;
            before training, an unknown stage.
    """

    loss_families = ('cluster', 'part', 'inter')
    bank: PartCentroidBank
    contrast: PartRefinedContrast

    def __init__(self, refined_stages: tuple[str, ...], **options: Any):
        super().__init__(**options)
        self.refined_stages = tuple(refined_stages)
        self._with_parts = False
        self._check_parts()

    def phases(self) -> tuple[Phase, ...]:
        memory = MemoryUse('bank', 'target', 'cluster', Embeddings.joined)
        return (Phase('T', ('E_c',), self.cluster_losses, self.embed_target, ('target',),
                      memory=(memory,)),)  # fmt: skip

    def embed_target(self, batch) -> Embeddings:
        return self._embeddings(batch.target.img)

    def cluster_losses(self, batch, x: Embeddings) -> dict[str, Tensor]:
        index = batch.target.index
        found = self.contrast.refined(
            self.bank, x.v, x.parts, index, self.stage_name in self.refined_stages
        )
        losses = {'cluster.t': found.whole, 'part.t': found.parts}
        if self.on('inter'):
            assert self.inter is not None, 'loss_weights.inter is weighed without model.inter'
            losses['inter.t'] = self.inter(self.bank, x.v, index)
            parts = zip(self.bank.parts, x.parts.unbind(1))
            losses['inter.part'] = torch.stack(
                [self.inter(bank, part, index) for bank, part in parts]
            ).mean()
        return losses

    def embed(self, img: Tensor) -> Tensor:
        if self._with_parts:
            return self._embeddings(img).joined().float()
        return nnf.normalize(self.E_c(img).embedding.float())

    @contextmanager
    def embedding_parts(self) -> Iterator[None]:
        """Context in which `embed` gives (B, (1 + P) * D), raw, as the memory takes them."""
        self._with_parts = True
        try:
            yield
        finally:
            self._with_parts = False

    def _embeddings(self, img: Tensor) -> Embeddings:
        code = self.E_c(img)
        return Embeddings(code.embedding, code.content.unflatten(1, (self.bank.num_parts, -1)))

    # ---- checks ----

    def check_data(self, datasets, batch_sizes, stages) -> None:
        super().check_data(datasets, batch_sizes, stages)
        known = [stage.name for stage in stages]
        unknown = sorted(set(self.refined_stages) - set(known))
        if unknown:
            raise ValueError(
                f'model.refined_stages names {unknown}; the stages are {", ".join(known)}'
            )

    def _check_parts(self) -> None:
        for where, part, kind in (
            ('model.networks.E_c', self.E_c, PartEncoder),
            ('model.contrast', self.contrast, PartRefinedContrast),
            ('model.bank', self.bank, PartCentroidBank),
        ):
            if not isinstance(part, kind):
                raise ValueError(
                    f'{where} is a {type(part).__name__}, which knows no parts; set '
                    f"{where}.type='{kind.__name__}'"
                )
        if self.bank.num_parts != self.E_c.num_parts:
            raise ValueError(
                f'model.bank.num_parts is {self.bank.num_parts} but E_c has {self.E_c.num_parts} '
                f'parts; set both to one number'
            )


@HOOKS.register_module()
class PartPseudoLabelHook(PseudoLabelHook):
    """PseudoLabelHook whose memory is filled with the parts' embeddings, too.

    Raises:
        ValueError: as PseudoLabelHook; before training, a model without parts.
    """

    def before_train(self, runner) -> None:
        super().before_train(runner)
        model = unwrap_model(runner.model)
        if not hasattr(model, 'embedding_parts'):
            raise ValueError(
                f'PartPseudoLabelHook embeds parts, but the model is a {type(model).__name__}; '
                f"set model.type='PPLR', or the hook to PseudoLabelHook"
            )

    def embed(self, runner, field: str) -> Tensor:
        with unwrap_model(runner.model).embedding_parts():
            return super().embed(runner, field)
