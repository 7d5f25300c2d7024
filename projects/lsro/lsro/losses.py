"""Labels of generated images: losses of logits (B, K) alone, as they belong to nobody."""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.registry import LOSSES


@LOSSES.register_module()
class UniformLabel(nn.Module):
    """Cross-entropy against 1 / K for each identity (LSRO: Zheng et al., ICCV 2017, eq. 6).

    Label smoothing (Szegedy et al., CVPR 2016) with epsilon 1: no identity is the right one. Its
    minimum is ln K, at equal logits.
    """

    def forward(self, logits: Tensor) -> Tensor:
        """Loss, 0-d float32, of logits (B, K)."""
        return -nnf.log_softmax(logits.float(), dim=1).mean()


@LOSSES.register_module()
class ExtraClassLabel(nn.Module):
    """Cross-entropy against one more class, the last, for all generated images
    (Odena, arXiv 1606.01583; Salimans et al., NeurIPS 2016). Takes an ExtraClassClassifier.
    """

    def forward(self, logits: Tensor) -> Tensor:
        """Loss, 0-d float32, of logits (B, K + 1)."""
        last = torch.full((len(logits),), logits.shape[1] - 1, device=logits.device)
        return nnf.cross_entropy(logits.float(), last)


@LOSSES.register_module()
class PseudoLabel(nn.Module):
    """Cross-entropy against the identity of the largest logit (Lee, ICML workshop 2013).

    The label is that of this very forward: it changes from iteration to iteration.
    """

    def forward(self, logits: Tensor) -> Tensor:
        """Loss, 0-d float32, of logits (B, K)."""
        return nnf.cross_entropy(logits.float(), logits.argmax(1))
