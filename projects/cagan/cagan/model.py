"""CAGAN: garment transfer trained without images of the result."""

from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from reidgen.models.adversarial import AdversarialModel
from reidgen.models.phases import Phase
from reidgen.models.preprocessor import SYMMETRIC
from reidgen.registry import LOSSES, MODELS, build


class SwapBatch(NamedTuple):
    """Input of G: person, worn garment and target garment, nine channels in all."""

    person: Tensor  # (B, 3, H, W) in [-1, 1], x_i
    worn: Tensor  # (B, 3, H, W) picture of the garment that the person wears, y_i
    wanted: Tensor  # (B, 3, H, W) picture of another garment, y_j


class Swaps(NamedTuple):
    """Forward swap x_ij = G(x_i, y_i, y_j) and backward swap x_ji = G(x_ij, y_j, y_i)."""

    x_ij: Tensor  # (B, 3, H, W) the person in y_j
    alpha_ij: Tensor  # (B, 1, H, W) weight of the candidate image
    candidate_ij: Tensor  # (B, 3, H, W) the candidate image, before it is masked
    x_ji: Tensor  # back in y_i: close to x_i
    alpha_ji: Tensor


@MODELS.register_module()
class CAGAN(AdversarialModel):
    """Conditional analogy GAN (Jetchev & Bergmann, ICCV Workshops 2017).

        x_i, y_i, y_j --G--> alpha, x~       x_ij = alpha * x~ + (1 - alpha) * x_i
        x_ij, y_j, y_i --G--> alpha', x~'    x_ji = alpha' * x~' + (1 - alpha') * x_ij  ~  x_i
        D(person, garment): real (x_i, y_i); fake (x_ij, y_j); mismatched (x_i, y_j)

    Deviations from the paper, each an option: the person and the *wanted* garment are injected
    (`G.inject`); D ends in one channel of probabilities; D discriminates the backward swap too
    (`loss_weights.cycle_adv`); the mean of alpha is kept small on both passes (`id_loss`).

    Args:
        networks: G (CAGANGenerator) and D (CAGANDiscriminator), or those of the Keras code.
        loss_weights: of adv, mismatch, cycle_adv (the backward swap), cycle, id (size of alpha) and
            idt (L1 change of a person dressed in the own garment; 0 as published).
        gan_loss: config of the objective; 'bce_prob' if D ends in a sigmoid.
        id_loss: of alpha: reduction 'mean' or 'sum' over all pixels of the batch, and passes 'both'
            or 'first'. With 'sum' it outweighs everything else (24,576 for two pictures of 128 x 96
            at alpha 0.5).
        adv_on: the picture that `adv` of G shows with y_j. 'swap': x_ij. 'cycle': x_ji, a fault of
            a published implementation, under which no term ties x_ij to y_j.

    Raises:
        ValueError: an unknown choice, or an objective that does not fit D's last layer.
    """

    loss_families = ('adv', 'mismatch', 'cycle_adv', 'cycle', 'id', 'idt')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        gan_loss: dict,
        id_loss: dict | None = None,
        adv_on: str = 'swap',
    ):
        super().__init__(networks, loss_weights, SYMMETRIC)
        self.id_loss = dict(reduction='mean', passes='both') | dict(id_loss or {})
        known = dict(adv_on=('swap', 'cycle'), reduction=('mean', 'sum'), passes=('both', 'first'))
        for key, value in dict(adv_on=adv_on, **self.id_loss).items():
            if key not in known or value not in known[key]:
                raise ValueError(f'{key} is {value!r}; CAGAN knows {known}')
        self.gan = build(gan_loss, LOSSES)
        self.adv_on, self.learned_noise = adv_on, self.D.learned_noise
        if self.D.sigmoid != (self.gan.mode == 'bce_prob'):
            raise ValueError(
                f'D.sigmoid is {self.D.sigmoid}, but gan_loss.mode is {self.gan.mode!r}; '
                f"probabilities go with 'bce_prob', logits with every other mode"
            )

    # ---- forward ----

    def swap(self, person: Tensor, worn: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Swapped image, alpha mask and candidate image, (B, 3 or 1, H, W) each."""
        alpha, candidate = self.G(person, worn, wanted)
        return alpha * candidate + (1 - alpha) * person, alpha, candidate

    def phases(self) -> tuple[Phase, ...]:
        shared = dict(forward=self.forward_translation, reads=('pairs',))
        return (
            Phase('D', ('D',), self.discriminator_losses, detached=True, **shared),
            Phase('G', ('G',), self.generator_losses, **shared),
        )

    def forward_translation(self, batch) -> Swaps:
        x_i, y_i, y_j = batch.pairs
        x_ij, alpha_ij, candidate_ij = self.swap(x_i, y_i, y_j)
        x_ji, alpha_ji, _ = self.swap(x_ij, y_j, y_i)
        return Swaps(x_ij, alpha_ij, candidate_ij, x_ji, alpha_ji)

    def score_pairs(self, pair: Tensor) -> Tensor:
        """Patch scores of D for (B, 6, H, W) pairs, with a noise input if D has `learned_noise`."""
        if not self.learned_noise:
            return self.D(pair)
        size = pair.shape[2:]
        return self.D(pair, self.rng.normal_rows(len(pair), 1, *size, device=pair.device))

    # ---- phases ----

    def discriminator_losses(self, batch, x: Swaps) -> dict[str, Tensor]:
        x_i, y_i, y_j = batch.pairs
        losses = self.gan.discriminator(
            'D', self.score_pairs, pair(x_i, y_i), pair(x.x_ij, y_j), rng=self.rng
        )
        if self.on('mismatch'):
            losses['mismatch.D'], losses['stat.D.mismatch'] = self.gan.reject(
                self.score_pairs, pair(x_i, y_j), rng=self.rng
            )
        return losses

    def generator_losses(self, batch, x: Swaps) -> dict[str, Tensor]:
        x_i, y_i, y_j = batch.pairs
        shown = x.x_ij if self.adv_on == 'swap' else x.x_ji
        alpha = x.alpha_ij.detach()
        losses = {
            'adv.swap': self._adversarial(shown, y_j, x_i, y_i),
            'cycle.person': nnf.l1_loss(x.x_ji, x_i),
            'id.swap': self._alpha_size(x.alpha_ij),
            'stat.alpha.mean': alpha.mean(),
            'stat.alpha.over_half': (alpha > 0.5).float().mean(),
        }
        if self.id_loss['passes'] == 'both':
            losses['id.back'] = self._alpha_size(x.alpha_ji)
        if self.on('cycle_adv'):
            losses['cycle_adv.back'] = self._adversarial(x.x_ji, y_i, x_i, y_i)
        if self.on('idt'):
            losses['idt.own'] = nnf.l1_loss(self.swap(x_i, y_i, y_i)[0], x_i)
        return losses

    def _adversarial(self, person: Tensor, garment: Tensor, x_i: Tensor, y_i: Tensor) -> Tensor:
        real = pair(x_i, y_i) if self.gan.mode == 'relativistic_avg' else None
        return self.gan.generator(self.score_pairs, pair(person, garment), real, rng=self.rng)

    def _alpha_size(self, alpha: Tensor) -> Tensor:
        size = alpha.abs()
        return size.mean() if self.id_loss['reduction'] == 'mean' else size.sum()

    # ---- pictures ----

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        """Columns of the picture: inputs of G, swap, alpha mask, candidate image, backward swap."""
        x = self.forward_translation(batch)
        return [
            *zip(('x_i', 'y_i', 'y_j'), batch.pairs),
            ('x_ij', x.x_ij),
            ('alpha', 2 * x.alpha_ij - 1),
            ('x~', x.candidate_ij),
            ('x_ji', x.x_ji),
        ]

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        return {'swap': (self.swap(*batch.pairs)[0], batch.pairs[0])}


def pair(person: Tensor, garment: Tensor) -> Tensor:
    """Input of D: person and garment concatenated, (B, 6, H, W)."""
    return torch.cat([person, garment], dim=1)
