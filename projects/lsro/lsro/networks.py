"""ExtraClassClassifier: identities and the class of generated images."""

from torch import Tensor

from reidgen.models.encoders import IdentityClassifier
from reidgen.registry import ENCODERS


@ENCODERS.register_module()
class ExtraClassClassifier(IdentityClassifier):
    """IdentityClassifier with one more output in training, the class of generated images.

    Args:
        num_identities: K, without that class.
        in_dim, bias, dropout: as IdentityClassifier.
    """

    def __init__(self, in_dim: int, num_identities: int, bias: bool = False, dropout: float = 0.0):
        super().__init__(in_dim, num_identities + 1, bias, dropout)
        self.num_identities = num_identities

    def forward(self, embedding: Tensor) -> Tensor:
        """Logits (B, K + 1) in training, (B, K) of the identities in evaluation."""
        logits = super().forward(embedding)
        return logits if self.training else logits[:, : self.num_identities]
