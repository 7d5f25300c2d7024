"""Identity loss of PTGAN: change of the foreground by a translation."""

from torch import Tensor

REDUCTIONS = ('rms', 'norm', 'mse')


def foreground_difference(
    translated: Tensor, image: Tensor, mask: Tensor, reduction: str = 'rms'
) -> Tensor:
    """Batch mean of a norm of (translated - image) * mask, 0-d (Wei et al., CVPR 2018, eq. 3).

    The paper gives no reduction of its L2 norm. Read literally, 'norm', it grows with the number of
    pixels and is several hundred times 'rms'.

    Args:
        translated, image: (B, 3, H, W).
        mask: (B, 1, H, W) in [0, 1], 1 on the person.
        reduction: 'rms': root of the mean square over the person's pixels, whatever their number;
            'norm': the L2 norm; 'mse': mean square over all pixels, the person's or not.

    Raises:
        ValueError: an unknown reduction.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f'reduction is {reduction!r}; choose one of {", ".join(REDUCTIONS)}')
    change = ((translated.float() - image.float()) * mask).square()
    if reduction == 'mse':
        return change.mean()
    total = change.sum((1, 2, 3))  # (B,)
    if reduction == 'rms':
        total = total / (3 * mask.float().sum((1, 2, 3)).clamp_min(1))
    return (total + 1e-8).sqrt().mean()  # a finite gradient where nothing has changed
