"""Contrastive loss of SPGAN, in the variants of paper and code."""

from typing import NamedTuple

from torch import Tensor, nn

from reidgen.registry import LOSSES

MODES = ('mixed', 'tf', 'pt', 'paper')
DISTANCES = ('euclidean', 'cosine')
EPSILON = 1e-6  # inside the root: a finite gradient where two embeddings coincide


class Embedded(NamedTuple):
    """Unit embeddings of a batch and of its translations, paired by row."""

    s: Tensor  # (B, D) M(x_s)
    t: Tensor  # M(x_t)
    s2t: Tensor  # M(G(x_s))
    t2s: Tensor  # M(F(x_t))


@LOSSES.register_module()
class SiameseContrast(nn.Module):
    """Self-similarity and domain-dissimilarity (Deng et al., CVPR 2018, eq. 4).

    con(a, b) is d^2 for a positive pair and max(0, margin - d)^2 for a negative one, a mean over
    the batch. P = con(x_s, G(x_s)) + con(x_t, F(x_t)) are the positives in every reading; the
    negatives are of x_s and x_t (N_real), or of G(x_s) and x_t, F(x_t) and x_s (N_1, N_2).

    | mode  | M minimises         | the generators minimise   | of                           |
    |-------|---------------------|---------------------------|------------------------------|
    | mixed | (P + 2 N_real) / 3  | (P + N_1 + N_2) / 4       | this project                 |
    | tf    | (P + 2 N_real) / 3  | the same                  | the authors' TensorFlow code |
    | pt    | (P + 2 N_real) / 3  | (P + (N_1 + N_2) / 2) / 4 | their later PyTorch code     |
    | paper | P + N_1 + N_2       | the same                  | the paper                    |

    In 'tf' the negative gives the generators no gradient, so nothing keeps G(x_s) away from the
    target's people; 'mixed' is M's half of the code with the paper's negatives for the generators.

    Args:
        mode: one of the table.
        margin: from 0 to 2, the largest distance there is: 2 pushes negatives until they are
            opposite.
        distance: 'euclidean', as the code has it, or 'cosine', 1 - cos, which is half its square.

    Raises:
        ValueError: an unknown mode or distance, or a margin below 0.
    """

    def __init__(self, mode: str = 'mixed', margin: float = 2.0, distance: str = 'euclidean'):
        super().__init__()
        for key, value, known in (('mode', mode, MODES), ('distance', distance, DISTANCES)):
            if value not in known:
                raise ValueError(f'{key} is {value!r}; choose one of {", ".join(known)}')
        if margin < 0:
            raise ValueError(f'margin is {margin}; set 0 (no negatives) to 2')
        self.mode, self.margin, self.distance = mode, margin, distance

    def siamese(self, e: Embedded) -> Tensor:
        """Objective of M, 0-d."""
        if self.mode == 'paper':
            return self._positives(e) + self._translated_negatives(e)
        return (self._positives(e) + 2 * self.negative(e.s, e.t)) / 3

    def generators(self, e: Embedded) -> Tensor:
        """Objective of G and F, 0-d."""
        if self.mode in ('tf', 'paper'):
            return self.siamese(e)
        share = 0.5 if self.mode == 'pt' else 1.0
        return (self._positives(e) + share * self._translated_negatives(e)) / 4

    def positive(self, a: Tensor, b: Tensor) -> Tensor:
        """Positive term: mean squared distance of unit vectors (B, D)."""
        if self.distance == 'cosine':
            return (1 - (a * b).sum(1)).square().mean()
        return (a - b).square().sum(1).mean()

    def negative(self, a: Tensor, b: Tensor) -> Tensor:
        """Negative term: mean squared shortfall of the distance below the margin."""
        if self.distance == 'cosine':
            distance = 1 - (a * b).sum(1)
        else:
            distance = ((a - b).square().sum(1) + EPSILON).sqrt()
        return (self.margin - distance).clamp_min(0).square().mean()

    def _positives(self, e: Embedded) -> Tensor:
        return self.positive(e.s, e.s2t) + self.positive(e.t, e.t2s)

    def _translated_negatives(self, e: Embedded) -> Tensor:
        return self.negative(e.s2t, e.t) + self.negative(e.t2s, e.s)
