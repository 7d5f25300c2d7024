"""CamStyle: identity classification of real images and of their camera-styled copies."""

from dataclasses import replace
from typing import Any

from torch import Tensor

from reidgen.models import IdentityModel, Phase
from reidgen.models.data_checks import check_identities
from reidgen.registry import LOSSES, MODELS, build


@MODELS.register_module()
class CamStyle(IdentityModel):
    """IDE on real images and camera-styled copies (Zhong et al., CVPR 2018).

        identity: M x_r -> E_c -> H -> C        cross-entropy
        copies:   N x_f -> E_c -> H -> C        cross-entropy, labels smoothed (LSR)

    A copy has the label of its image, less sure: (1 - epsilon) one-hot + epsilon / K, as parts of
    the person may have been lost in translation. Each term is a mean over its own images, so the
    ratio of M and N weighs nothing. The two batches pass the networks one after the other, as in
    the authors' code: batch norm keeps them apart.

    Args:
        networks: E_c, C, and optionally H.
        loss_weights: of identity and copies, and of triplets of real images (0 by default).
        cross_entropy: of real images; epsilon 0 by default.
        copies_cross_entropy: of copies; epsilon 0.1 by default. 0 is the paper's "vanilla".
        options: of IdentityModel.

    Raises:
        ValueError: no C; or as IdentityModel.
    """

    loss_families = (*IdentityModel.loss_families, 'copies')
    default_weights = dict(triplet=0.0)

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        cross_entropy: dict | None = None,
        copies_cross_entropy: dict | None = None,
        **options: Any,
    ):
        if 'C' not in networks:
            raise ValueError('CamStyle classifies identities; set model.networks.C')
        super().__init__(
            networks, loss_weights, cross_entropy=cross_entropy or dict(epsilon=0.0), **options
        )
        self.copies_cross_entropy = build(
            copies_cross_entropy or {},
            LOSSES,
            'model.copies_cross_entropy',
            'LabelSmoothCrossEntropy',
        )

    def phases(self) -> tuple[Phase, ...]:
        reads = ('identity', 'copies') if self.on('copies') else ('identity',)
        return tuple(replace(p, losses=self.losses, reads=reads) for p in super().phases())

    def losses(self, batch, x: None) -> dict[str, Tensor]:
        """Classification of real images, triplets of them if weighed, classification of copies."""
        losses = self.identity_losses(batch, x)
        if self.on('copies'):
            copies = batch.copies
            logits = self._logits(self.E_c(copies.img))
            losses['copies.s'] = self.copies_cross_entropy(logits, copies.pid)
            correct = logits.argmax(1) == copies.pid
            losses['stat.accuracy_copies'] = correct.float().mean()
        return losses

    def check_data(self, datasets, batch_sizes, stages) -> None:
        check_identities(self, datasets, stages, ('identity', 'copies'))
        for stage in stages:
            loaders = stage.fields(tuple(datasets))
            real, copies = (datasets.get(loaders.get(key)) for key in ('identity', 'copies'))
            if real is not None and copies is not None and _persons(real) != _persons(copies):
                raise ValueError(
                    f'stage {stage.name}: {copies.name} (train_dataloader.copies) are of other '
                    f'persons than {real.name} (train_dataloader.identity), so their labels do not '
                    f'fit; give both the same data set'
                )


def _persons(dataset) -> set[int]:
    """Identities as in the file names."""
    return {record.pid for record in dataset.records}
