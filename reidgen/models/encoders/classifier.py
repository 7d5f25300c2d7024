"""C: the classifier of identities that supervised training adds to an encoder."""

from torch import Tensor, nn

from reidgen.registry import ENCODERS


@ENCODERS.register_module()
class IdentityClassifier(nn.Module):
    """A linear layer without bias, started at N(0, 0.001^2) (BNNeck: Luo et al., CVPRW 2019)."""

    def __init__(self, in_dim: int, num_identities: int):
        super().__init__()
        self.num_identities = num_identities
        self.linear = nn.Linear(in_dim, num_identities, bias=False)
        nn.init.normal_(self.linear.weight, std=0.001)

    def forward(self, embedding: Tensor) -> Tensor:
        """Logits (B, num_identities) of embeddings (B, in_dim)."""
        return self.linear(embedding)
