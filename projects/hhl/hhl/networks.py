"""T: the linear layer of the triplet loss."""

from torch import Tensor, nn

from reidgen.registry import ENCODERS


@ENCODERS.register_module()
class TripletLayer(nn.Module):
    """Linear layer initialised at N(0, 0.001^2), bias 0; its output is not normalised."""

    def __init__(self, in_dim: int = 1024, out_dim: int = 128):
        super().__init__()
        self.linear = nn.Linear(in_dim, out_dim)
        nn.init.normal_(self.linear.weight, std=0.001)
        nn.init.zeros_(self.linear.bias)

    def forward(self, embedding: Tensor) -> Tensor:
        """Features (B, out_dim) of embeddings (B, in_dim)."""
        return self.linear(embedding)
