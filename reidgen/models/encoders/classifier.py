"""Heads of supervised training on an encoder: embedding head and classifiers."""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.registry import ENCODERS


@ENCODERS.register_module()
class EmbeddingHead(nn.Module):
    """Embedding head H: linear layer, batch norm, leaky ReLU and dropout on pooled features.

    The head of PyTorch's IDE baselines (Zheng et al., arXiv 1610.02984; 512 wide, slope 0.1,
    dropout 0.5) and of HHL (Zhong et al., ECCV 2018; 1024 wide, slope 0, no dropout,
    norm_std 0).

    Args:
        slope: of the leaky ReLU below 0; 0 is a ReLU.
        dropout: probability.
        norm_std: the batch norm's weight starts at N(1, norm_std^2).
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int = 512,
        slope: float = 0.1,
        dropout: float = 0.5,
        norm_std: float = 0.02,
    ):
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.linear, self.norm = nn.Linear(in_dim, out_dim), nn.BatchNorm1d(out_dim)
        self.activation, self.dropout = nn.LeakyReLU(slope), nn.Dropout(dropout)
        nn.init.kaiming_normal_(self.linear.weight, mode='fan_out')
        nn.init.zeros_(self.linear.bias)
        nn.init.normal_(self.norm.weight, mean=1.0, std=norm_std)

    def forward(self, pooled: Tensor) -> Tensor:
        """Embeddings (B, out_dim) of pooled features (B, in_dim)."""
        return self.dropout(self.activation(self.norm(self.linear(pooled))))


@ENCODERS.register_module()
class IdentityClassifier(nn.Module):
    """Identity classifier C, linear, initialised at N(0, 0.001^2) (BNNeck: Luo et al., CVPRW 2019).

    Args:
        bias: whether the layer has one, started at 0.
        dropout: probability, on the input.
    """

    def __init__(self, in_dim: int, num_identities: int, bias: bool = False, dropout: float = 0.0):
        super().__init__()
        self.in_dim, self.num_identities = in_dim, num_identities
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(in_dim, num_identities, bias=bias)
        nn.init.normal_(self.linear.weight, std=0.001)
        if bias:
            nn.init.zeros_(self.linear.bias)

    def forward(self, embedding: Tensor) -> Tensor:
        """Logits (B, num_identities) of embeddings (B, in_dim)."""
        return self.linear(self.dropout(embedding))


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return -grad


@ENCODERS.register_module()
class DomainClassifier(nn.Module):
    """Two-layer domain classifier behind gradient reversal (Ganin et al., JMLR 2016).

    The classifier minimises its loss, the encoder before it maximises the same loss; the loss
    weight is the paper's lambda.
    """

    def __init__(self, in_dim: int, hidden_dim: int = 256):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(in_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 1)
        )

    def forward(self, embedding: Tensor) -> Tensor:
        """Logits (B,) of embeddings (B, in_dim), above 0 for the target."""
        return self.layers(_Reverse.apply(embedding)).squeeze(1)


def domain_losses(head: DomainClassifier, v_s: Tensor, v_t: Tensor) -> dict[str, Tensor]:
    """Domain cross-entropy 'domain.s', 'domain.t' of embeddings (B, D)."""
    logit_s, logit_t = head(v_s).float(), head(v_t).float()
    right = torch.cat([logit_s < 0, logit_t > 0]).float().mean()
    return {
        'domain.s': nnf.softplus(logit_s).mean(),
        'domain.t': nnf.softplus(-logit_t).mean(),
        'stat.domain_accuracy': right.detach(),
    }
