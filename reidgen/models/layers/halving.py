"""Sizes of feature maps that are halved stage by stage."""

from collections.abc import Sequence

from reidgen.choices import is_whole


def halved_sizes(
    image_size: Sequence[int], num_stages: int, kernel_size: int
) -> list[tuple[int, int]]:
    """Sizes (height, width) from the image to the coarsest map, `num_stages + 1` of them.

    Each is half of the one before, rounded up.

    Raises:
        ValueError: the image is too small to be halved so often, or has odd sides anywhere, which
            only odd kernels halve and restore; or num_stages or kernel_size is too small.
    """
    if not is_whole(num_stages, 1) or not is_whole(kernel_size, 2):
        raise ValueError(
            f'num_stages is {num_stages!r} and kernel_size {kernel_size!r}; set whole numbers, '
            f'num_stages from 1 and kernel_size from 2 on'
        )
    height, width = image_size
    told = f'an image of {height} x {width} cannot be halved {num_stages} times'
    sizes = [(height, width)]
    for _ in range(num_stages):
        if min(height, width) < 2:
            raise ValueError(f'{told}; lower num_stages, or set a larger image_size')
        if kernel_size % 2 == 0 and (height % 2 or width % 2):
            raise ValueError(
                f'{told} by kernels of {kernel_size}, which need even sides, as a map of {height} '
                f'x {width} comes in between; set kernel_size={kernel_size + 1}, or sides that are '
                f'multiples of {2**num_stages}'
            )
        height, width = -(-height // 2), -(-width // 2)
        sizes.append((height, width))
    return sizes
