"""PartEncoder: a content encoder with a batch norm of its own for each part."""

from typing import Any

from torch import Tensor, nn

from reidgen.models.encoders.content import ContentEncoder
from reidgen.registry import ENCODERS
from reidgen.structures import Code


@ENCODERS.register_module()
class PartEncoder(ContentEncoder):
    """ContentEncoder whose stripes are embeddings, too (PPLR: Cho et al., CVPR 2022, section 3.1).

    The last map is average-pooled over the whole for `embedding`, and in horizontal stripes for the
    part embeddings, each with a batch norm whose shift stands still at 0. `weights` may be those of
    a ContentEncoder of the same trunk: the parts' batch norms begin anew.

    Args:
        num_parts: P stripes.
        options: of ContentEncoder; `embed_dim`, `part_layout` and `early_stats` are fixed here.

    Attributes:
        embed_dim: D, the trunk's channels, of the image and of each part.
    """

    def __init__(self, num_parts: int = 3, **options: Any):
        fixed = dict(embed_dim=None, part_layout='part_major', early_stats=False)
        super().__init__(num_parts=num_parts, **(options | fixed))
        self.part_neck = nn.BatchNorm1d(self.content_dim)  # normalises each number by itself
        self.part_neck.bias.requires_grad_(False)

    def forward(self, img: Tensor) -> Code:
        """Code of normalised images (B, 3, H, W); content (B, P * D) holds the part embeddings."""
        code = super().forward(img)
        return code._replace(content=self.part_neck(code.content))
