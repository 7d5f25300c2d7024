"""Losses of ARN: reconstruction, difference of shared and private parts, and those of its code."""

from collections.abc import Sequence

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.losses.identity import pair_distances
from reidgen.registry import LOSSES

DISTANCES = {'squared': torch.square, 'absolute': torch.abs}
MIN_NORM = 1e-6  # of a row that is the mean of its batch
MIN_MMD = 1e-12  # squared: a square root has no gradient at 0


@LOSSES.register_module()
class ReconstructionLoss(nn.Module):
    """Sum of the differences of a map or image and its reconstruction, over a count.

    ARN's paper has the squared norm of each sample's difference (L_rec), its code the absolute
    differences over the number of pixels.

    Args:
        distance: 'squared' or 'absolute'.
        per: the count: 'element' (a mean), 'pixel' (B x H x W), or 'image' (B).

    Raises:
        ValueError: any other distance or count.
    """

    def __init__(self, distance: str = 'squared', per: str = 'element'):
        super().__init__()
        one_of(distance, DISTANCES, 'distance')
        one_of(per, ('element', 'pixel', 'image'), 'per')
        self.distance, self.per = distance, per

    def forward(self, restored: Tensor, target: Tensor) -> Tensor:
        """Loss, 0-d float32, of two tensors (B, C, H, W)."""
        differences = DISTANCES[self.distance](restored.float() - target.float())
        images, channels = target.shape[:2]
        counts = dict(element=target.numel(), pixel=target.numel() // channels, image=images)
        return differences.sum() / counts[self.per]


@LOSSES.register_module()
class DifferenceLoss(nn.Module):
    """Squared Frobenius norm of H_c^T H_p: shared and private features that vary apart.

    L_diff of ARN, after domain separation networks (Bousmalis et al., NeurIPS 2016, eq. 5). It is 0
    where each column of H_c is orthogonal to each of H_p, over the images of a batch.

    Args:
        form: 'pair' and 'element' first give columns a mean of 0 and rows a length of 1, and divide
            the norm by B^2, which is in [0, 1], or by D^2, the mean over the elements of H_c^T H_p
            as in the code of domain separation networks; 'raw' is ARN's formula as it stands.

    Raises:
        ValueError: any other form.
    """

    def __init__(self, form: str = 'element'):
        super().__init__()
        self.form = one_of(form, ('pair', 'element', 'raw'), 'form')

    def forward(self, shared: Tensor, private: Tensor) -> Tensor:
        """Loss, 0-d float32, of features (B, D) each."""
        with torch.autocast(shared.device.type, enabled=False):
            h_c, h_p = self._prepared(shared), self._prepared(private)
            # |H_c^T H_p|^2 = sum of H_c H_c^T * H_p H_p^T: B x B instead of D x D products
            norm = ((h_c @ h_c.t()) * (h_p @ h_p.t())).sum()
            images, dim = h_c.shape
            return norm / dict(pair=images**2, element=dim**2, raw=1)[self.form]

    def _prepared(self, features: Tensor) -> Tensor:
        features = features.float()
        if self.form == 'raw':
            return features
        return nnf.normalize(features - features.mean(0), eps=MIN_NORM)


@LOSSES.register_module()
class CodeContrast(nn.Module):
    """Contrastive loss of ARN's code: mean over all pairs of images of d for one identity,
    max(0, margin - d) for two, d the squared distance over D.

    The paper's is `ContrastiveLoss` (Hadsell et al., CVPR 2006), whose hinge is squared.

    Raises:
        ValueError: a margin that is not above 0.
    """

    def __init__(self, margin: float = 2.0):
        super().__init__()
        if margin <= 0:
            raise ValueError(f'margin is {margin}; set a distance above 0')
        self.margin = margin

    def forward(self, embedding: Tensor, pid: Tensor) -> Tensor:
        """Loss, 0-d float32, of embeddings (B, D) and pid (B,); 0 for a single image."""
        with torch.autocast(embedding.device.type, enabled=False):
            embedding = embedding.float()
            distances = pair_distances(embedding, 'sqeuclidean') / embedding.shape[1]
            same = pid[:, None] == pid[None]
            terms = torch.where(same, distances, nnf.relu(self.margin - distances))
            each = torch.ones_like(same).triu(1)
            return terms[each].mean() if len(pid) > 1 else 0 * embedding.sum()


@LOSSES.register_module()
class MMD(nn.Module):
    """Maximum mean discrepancy of two batches (Gretton et al., JMLR 2012, eq. 5, biased).

        sqrt(mean k(s, s) + mean k(t, t) - 2 mean k(s, t)),  k = sum of exp(-d^2 / (2 sigma^2))

    Args:
        sigmas: of the Gaussian kernels; those of ARN's code by default.

    Raises:
        ValueError: no sigma, or one that is not above 0.
    """

    def __init__(self, sigmas: Sequence[float] = (1.0, 2.0, 10.0)):
        super().__init__()
        if not sigmas or min(sigmas) <= 0:
            raise ValueError(f'sigmas is {list(sigmas)}; set one or more numbers above 0')
        self.sigmas = tuple(sigmas)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Loss, 0-d float32, of features (B_s, D) and (B_t, D)."""
        with torch.autocast(source.device.type, enabled=False):
            both = torch.cat([source.float(), target.float()])
            squared = pair_distances(both, 'sqeuclidean')
            kernel = sum(torch.exp(-squared / (2 * sigma**2)) for sigma in self.sigmas)
            n = len(source)
            within = kernel[:n, :n].mean() + kernel[n:, n:].mean()
            return (within - 2 * kernel[:n, n:].mean()).clamp(min=MIN_MMD).sqrt()
