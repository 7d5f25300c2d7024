"""LSRO: identity classification of real and of generated images, and the GAN beside it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reidgen.models import IdentityModel, Phase
from reidgen.models.data_checks import check_identities
from reidgen.models.unconditional import gan_phases
from reidgen.registry import LOSSES, MODELS, build

from .losses import ExtraClassLabel
from .networks import ExtraClassClassifier


@MODELS.register_module()
class LSRO(IdentityModel):
    """IDE on real images and unlabelled generated ones (Zheng et al., ICCV 2017).

        phases D, G:  z -> G -> fake, D tells real from fake        DCGAN, in a stage before
        phase I:      x, fake -> E_c -> C     real: cross-entropy; fake: the same probability for
                                              all identities (label smoothing for outliers)

    Real and generated images pass in one batch, and the loss is a mean over its images:
    `identity.s` is the part of the real ones, `generated.s` that of the generated. Labels of
    generated images are not read. They come in the field `identity`, from RealAndGenerated, with
    pid -1; or in a field `generated` of their own, so many a batch.

    Args:
        networks: E_c, C; and G and D, unless all generated images come from a folder.
        loss_weights: of identity, generated (1 by default, 0 to leave out) and adv (1).
        generated_loss: label of generated images: UniformLabel by default, or the published
            comparisons ExtraClassLabel (with C an ExtraClassClassifier) and PseudoLabel.
        cross_entropy: of real images; epsilon 0 by default.
        gan: options of GANPhases.
        options: of IdentityModel.

    Raises:
        ValueError: no C; `gan` without G and D; one of ExtraClassLabel and ExtraClassClassifier
            without the other; or as IdentityModel.
    """

    default_weights = dict(generated=1.0, adv=1.0)

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        generated_loss: dict | None = None,
        cross_entropy: dict | None = None,
        gan: dict | None = None,
        **options: Any,
    ):
        if 'C' not in networks:
            raise ValueError('LSRO classifies identities; set model.networks.C')
        self.loss_families = ('identity', 'generated', 'adv')
        super().__init__(
            networks, loss_weights, cross_entropy=cross_entropy or dict(epsilon=0.0), **options
        )
        self.generated_loss = build(
            generated_loss or {}, LOSSES, 'model.generated_loss', 'UniformLabel'
        )
        extra = isinstance(self.generated_loss, ExtraClassLabel)
        if extra is not isinstance(self.C, ExtraClassClassifier):
            raise ValueError(
                f'model.generated_loss is {type(self.generated_loss).__name__} and '
                f'model.networks.C {type(self.C).__name__}; ExtraClassLabel goes with an '
                f'ExtraClassClassifier, and only with it: change the type of one'
            )
        has_gan = gan is not None or {'G', 'D'} & set(networks)
        self.gan = gan_phases(self, gan) if has_gan else None

    def phases(self) -> tuple[Phase, ...]:
        trains = tuple(name for name in ('E_c', 'H', 'C') if name in self.network_names)
        identity = Phase('I', trains, self.identity_losses, reads=('identity',))
        return (*(self.gan.phases() if self.gan else ()), identity)

    def identity_losses(self, batch, x: None) -> dict[str, Tensor]:
        """Losses of real and of generated images, each the share of the batch's mean."""
        img, pid = batch.identity.img, batch.identity.pid
        if hasattr(batch, 'generated'):
            img = torch.cat([img, batch.generated.img])
            pid = torch.cat([pid, torch.full_like(batch.generated.pid, -1)])
        is_real = pid >= 0
        logits = self._logits(self.E_c(img))
        real, generated = logits[is_real], logits[~is_real]
        known = pid[is_real]
        losses = {
            'identity.s': part(lambda z: self.cross_entropy(z, known), real, logits),
            'stat.accuracy': (real.argmax(1) == known).sum() / max(len(known), 1),
        }
        if self.on('generated'):
            losses['generated.s'] = part(self.generated_loss, generated, logits)
            sure = generated.float().softmax(1).amax(1).sum() / max(len(generated), 1)
            losses['stat.generated_confidence'] = sure.detach()
        return losses

    def generate(self, z: Tensor) -> Tensor:
        """Images (B, 3, H, W), normalised as batches are, of latent vectors (B, Z)."""
        if self.gan is None:
            raise ValueError('this LSRO has no generator; set model.networks.G and D')
        return self.gan.generate(z)

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        return self.gan.columns(batch) if self.gan else []

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        return self.gan.diversity_pairs(batch) if self.gan else {}

    def check_data(self, datasets, batch_sizes, stages) -> None:
        check_identities(self, datasets, stages, ('identity',))
        if self.gan:
            self.gan.check_data(datasets, stages)


def part(loss: Callable[[Tensor], Tensor], some: Tensor, logits: Tensor) -> Tensor:
    """Loss of some logits of a batch as their part of the batch's mean, 0-d; 0 of none."""
    if not len(some):
        return 0 * logits.float().sum()
    return len(some) / len(logits) * loss(some)
