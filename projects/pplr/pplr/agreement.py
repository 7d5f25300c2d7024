"""Cross-agreement score of two feature spaces."""

from torch import Tensor

from reidgen.evaluation.neighbours import neighbours_of_each


def cross_agreement(features: Tensor, others: Tensor, k: int, block: int = 2048) -> Tensor:
    """Cross-agreement score of each image (PPLR: Cho et al., CVPR 2022, section 3.2).

        C_i = |R_i and S_i| / |R_i or S_i|

    of its k nearest images in two feature spaces, R_i and S_i, the image itself among them.

    Args:
        features: (N, D), rows L2-normalised.
        others: (N, E), likewise: the same images.
        k: neighbours, the image itself counted.
        block: rows compared at a time.

    Returns:
        (N,) float32 in 1 / (2k - 1)..1.

    Raises:
        ValueError: k is not within 1..N, or rows are not finite.
    """
    first, second = (neighbours_of_each(each.float(), k).index for each in (features, others))
    score = features.new_empty(len(features), dtype=features.float().dtype)
    for start in range(0, len(features), block):
        part = slice(start, start + block)
        shared = (first[part, :, None] == second[part, None]).sum((1, 2))
        score[part] = shared / (2 * k - shared)
    return score
