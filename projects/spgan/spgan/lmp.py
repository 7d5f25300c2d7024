"""Local max pooling: a retrieval feature of horizontal stripes, at test time only."""

import torch.nn.functional as nnf
from torch import Tensor

from reidgen.models.encoders import ContentEncoder
from reidgen.registry import ENCODERS
from reidgen.structures import Code

POOLS = {'max': nnf.adaptive_max_pool2d, 'avg': nnf.adaptive_avg_pool2d}


def local_pooling(feature_map: Tensor, num_parts: int, pool: str = 'max') -> Tensor:
    """Max-pooled features (B, C * P) of a map (B, C, h, w) in P equal horizontal stripes.

    Where P does not divide h the stripes overlap by a row (adaptive pooling).

    Raises:
        ValueError: an unknown pool, or more stripes than rows.
    """
    if pool not in POOLS:
        raise ValueError(f'pool is {pool!r}; choose one of {", ".join(POOLS)}')
    if not 1 <= num_parts <= feature_map.shape[2]:
        raise ValueError(
            f'{num_parts} stripes of a map with {feature_map.shape[2]} rows; set num_stripes to '
            f'1..{feature_map.shape[2]}'
        )
    return POOLS[pool](feature_map, (num_parts, 1)).flatten(1)


@ENCODERS.register_module()
class LMPEncoder(ContentEncoder):
    """ContentEncoder with local max pooling for retrieval (Deng et al., CVPR 2018, section 3.4).

    It trains as its base does and has the same tensors, so it takes the checkpoint of any
    ContentEncoder; in eval mode all fields of its code are the pooled stripes of the trunk's last
    map, C * num_stripes numbers, which replace the embedding.

    Args:
        num_stripes: P; the paper compares 1, 2, 3 and 7.
        stripe_pool: 'max' or 'avg'.
    """

    def __init__(self, num_stripes: int = 7, stripe_pool: str = 'max', **kwargs):
        super().__init__(**kwargs)
        self.num_stripes, self.stripe_pool = num_stripes, stripe_pool

    def forward(self, img: Tensor) -> Code:
        """Code of normalised images (B, 3, H, W)."""
        if self.training:
            return super().forward(img)
        feature = local_pooling(self.feature_map(img), self.num_stripes, self.stripe_pool)
        return Code(content=feature, embedding=feature, pre_bn=feature)
