"""Losses with identity labels: classification, triplets and pairs."""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.registry import LOSSES

KINDS = ('batch_hard', 'batch_hard_soft', 'batch_all', 'batch_all_nonzero', 'semi_hard', 'lifted')
DISTANCES = ('euclidean', 'sqeuclidean', 'cosine')
MIN_DISTANCE = 1e-6  # of two equal embeddings: a square root has no gradient at 0


@LOSSES.register_module()
class LabelSmoothCrossEntropy(nn.Module):
    """Cross-entropy against (1 - epsilon) one-hot + epsilon / K (Szegedy et al., CVPR 2016)."""

    def __init__(self, epsilon: float = 0.1):
        super().__init__()
        if not 0 <= epsilon < 1:
            raise ValueError(f'epsilon is {epsilon}; set a share from 0 to below 1')
        self.epsilon = epsilon

    def forward(self, logits: Tensor, pid: Tensor) -> Tensor:
        """Loss, 0-d float32, of logits (B, K) and pid (B,) in 0..K-1."""
        return nnf.cross_entropy(logits.float(), pid, label_smoothing=self.epsilon)


@LOSSES.register_module()
class TripletLoss(nn.Module):
    """Triplets mined in the batch (Hermans et al., arXiv 1703.07737).

    [x] below is max(0, x), or ln(1 + e^x) and no m where margin is None.

    | kind              | value                                                              |
    |-------------------|--------------------------------------------------------------------|
    | batch_hard        | mean over anchors of [m + farthest positive - nearest negative]    |
    | batch_hard_soft   | batch_hard with margin None                                        |
    | batch_all         | mean over all triplets of [m + d_ap - d_an]                        |
    | batch_all_nonzero | the same sum over the number of its terms above 0                  |
    | semi_hard         | mean over pairs of anchor and positive of [m + d_ap - d_an], n the |
    |                   | nearest negative that is farther than p                            |
    | lifted            | mean over anchors of [m + ln sum e^d_ap + ln sum e^-d_an]          |

    Anchors without a positive or a negative are left out; a batch of such anchors alone gives 0.
    Ties: the first index. 'semi_hard' is FaceNet's (Schroff et al., CVPR 2015, section 3.2: squared
    distances of normalised embeddings, margin 0.2), which does not say what n is where no negative
    is farther than p; here, as in TensorFlow Addons, the farthest negative.

    Args:
        margin: m, in units of the distance; None: soft.
        distance: 'euclidean', 'sqeuclidean', or 'cosine' (1 - cos).
        normalize: L2-normalise the embeddings first.
        include_self: an anchor counts among its positives, as in open-reid's implementations.
        ignore_label: images of this pid are neither anchor nor positive nor negative.

    Raises:
        ValueError: an unknown kind or distance.
    """

    def __init__(
        self,
        kind: str = 'batch_hard',
        margin: float | None = 0.3,
        distance: str = 'euclidean',
        normalize: bool = False,
        include_self: bool = False,
        ignore_label: int | None = None,
    ):
        super().__init__()
        self.kind = one_of(kind, KINDS, 'kind')
        one_of(distance, DISTANCES, 'distance')
        self.margin = None if kind == 'batch_hard_soft' else margin
        self.distance, self.normalize = distance, normalize
        self.include_self, self.ignore_label = include_self, ignore_label

    def forward(self, embedding: Tensor, pid: Tensor) -> Tensor:
        """Loss, 0-d float32, of embeddings (B, D) and pid (B,), any integers."""
        with torch.autocast(embedding.device.type, enabled=False):
            embedding = embedding.float()
            distances, positive, negative = self._pairs(embedding, pid)
            terms = self._terms(distances, positive, negative)
            if len(terms) == 0:
                return 0 * embedding.sum()
            if self.kind == 'batch_all_nonzero':
                return terms.sum() / (terms > 0).sum().clamp(min=1)
            return terms.mean()

    @torch.no_grad()
    def statistics(self, embedding: Tensor, pid: Tensor) -> dict[str, Tensor]:
        """Statistics of the hardest positive d_ap and negative d_an of the batch's anchors.

        Returns:
            0-d, each a mean over the anchors that have both: 'prec', the share with d_an > d_ap;
            'd_ap'; 'd_an'; 'active', the share whose hinge is above 0 (1 where margin is None).
            NaN if there is no such anchor.
        """
        d_ap, d_an = self._hardest(*self._pairs(embedding.float(), pid))
        active = torch.ones_like(d_ap) if self.margin is None else d_ap + self.margin > d_an
        return {
            'prec': (d_an > d_ap).float().mean(),
            'd_ap': d_ap.mean(),
            'd_an': d_an.mean(),
            'active': active.float().mean(),
        }

    def _pairs(self, embedding: Tensor, pid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        same = pid[:, None] == pid[None]  # (B, B)
        positive, negative = same, ~same
        if not self.include_self:
            positive = positive & ~torch.eye(len(pid), dtype=torch.bool, device=pid.device)
        if self.ignore_label is not None:
            known = pid != self.ignore_label
            both = known[:, None] & known[None]
            positive, negative = positive & both, negative & both
        anchors = positive.any(1) & negative.any(1)
        distances = pair_distances(embedding, self.distance, self.normalize)
        return distances[anchors], positive[anchors], negative[anchors]

    def _hardest(
        self, distances: Tensor, positive: Tensor, negative: Tensor
    ) -> tuple[Tensor, Tensor]:
        d_ap = distances.masked_fill(~positive, -torch.inf).max(1).values
        d_an = distances.masked_fill(~negative, torch.inf).min(1).values
        return d_ap, d_an  # (anchors,) each

    def _terms(self, distances: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Hinge terms, one an anchor or one a triplet."""
        if len(distances) == 0:
            return distances.flatten()
        if self.kind.startswith('batch_hard'):
            d_ap, d_an = self._hardest(distances, positive, negative)
            return self._hinge(d_ap - d_an)
        if self.kind == 'lifted':
            pull = distances.masked_fill(~positive, -torch.inf).logsumexp(1)
            push = (-distances).masked_fill(~negative, -torch.inf).logsumexp(1)
            return self._hinge(pull + push)
        if self.kind == 'semi_hard':
            d_an = self._semi_hard(distances, negative)
            return self._hinge((distances - d_an)[positive])
        triplets = positive[:, :, None] & negative[:, None]  # (anchors, B, B)
        return self._hinge((distances[:, :, None] - distances[:, None])[triplets])

    @staticmethod
    def _semi_hard(distances: Tensor, negative: Tensor) -> Tensor:
        """Distance (anchors, B) to the nearest negative farther than each image, else the farthest
        negative.
        """
        farther = negative[:, None] & (distances[:, None] > distances[:, :, None])
        nearest = distances[:, None].masked_fill(~farther, torch.inf).min(2).values
        farthest = distances.masked_fill(~negative, -torch.inf).max(1, keepdim=True).values
        return torch.where(farther.any(2), nearest, farthest)

    def _hinge(self, x: Tensor) -> Tensor:
        return nnf.softplus(x) if self.margin is None else nnf.relu(self.margin + x)


@LOSSES.register_module()
class BatchHardTriplet(TripletLoss):
    """TripletLoss(kind='batch_hard'); margin None is the soft margin."""

    def __init__(self, margin: float | None = 0.3, include_self: bool = False):
        super().__init__('batch_hard', margin, include_self=include_self)


@LOSSES.register_module()
class ContrastiveLoss(nn.Module):
    """Mean over all pairs of images of d^2 for one identity, max(0, margin - d)^2 for two
    (Hadsell et al., CVPR 2006, eq. 4, without its factor of a half).

    Args:
        margin: in units of the distance.
        distance, normalize: as TripletLoss.

    Raises:
        ValueError: an unknown distance, or a margin that is not above 0.
    """

    def __init__(self, margin: float = 1.0, distance: str = 'euclidean', normalize: bool = False):
        super().__init__()
        one_of(distance, DISTANCES, 'distance')
        if margin <= 0:
            raise ValueError(f'margin is {margin}; set a distance above 0')
        self.margin, self.distance, self.normalize = margin, distance, normalize

    def forward(self, embedding: Tensor, pid: Tensor) -> Tensor:
        """Loss, 0-d float32, of embeddings (B, D) and pid (B,); 0 for a single image."""
        with torch.autocast(embedding.device.type, enabled=False):
            embedding = embedding.float()
            distances = pair_distances(embedding, self.distance, self.normalize)
            same = pid[:, None] == pid[None]
            terms = torch.where(same, distances, nnf.relu(self.margin - distances)).square()
            each = torch.ones_like(same).triu(1)
            return terms[each].mean() if len(pid) > 1 else 0 * embedding.sum()


def pair_distances(embedding: Tensor, distance: str, normalize: bool = False) -> Tensor:
    """Distances (B, B) within a batch of embeddings (B, D) float32.

    Args:
        distance: one of DISTANCES.
        normalize: L2-normalise the embeddings first.
    """
    if normalize or distance == 'cosine':
        embedding = nnf.normalize(embedding)
    if distance == 'cosine':
        return 1 - embedding @ embedding.t()
    # not through a matrix product: a^2 + b^2 - 2ab cancels where the hard positives are
    distances = torch.cdist(embedding, embedding, compute_mode='donot_use_mm_for_euclid_dist')
    if distance == 'sqeuclidean':
        return distances.square()
    return distances.clamp(min=MIN_DISTANCE)
