"""Translation there and back between two domains: what CycleGAN and its descendants share."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch.nn.functional as nnf
from torch import Tensor
from torch.utils.data import Dataset

# ResNetGenerator ends in tanh: images are in [-1, 1]
SYMMETRIC = dict(type='BatchNormalizer', mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))

Generator = Callable[[Tensor], Tensor]


class Cycle(NamedTuple):
    """Everything that G (generates target style) and F (generates source style) make of a batch."""

    x_s2t: Tensor  # (B, 3, H, W) G(x_s)
    x_t2s: Tensor  # F(x_t)
    x_s2t2s: Tensor  # F(G(x_s)) ~ x_s
    x_t2s2t: Tensor  # G(F(x_t)) ~ x_t
    x_s2s: Tensor | None  # F(x_s) ~ x_s; None where the identity term is off
    x_t2t: Tensor | None  # G(x_t) ~ x_t


def forward_cycle(G: Generator, F: Generator, x_s: Tensor, x_t: Tensor, identity: bool) -> Cycle:
    """Both translations and their way back (Zhu et al., ICCV 2017).

    Args:
        identity: whether each generator also repaints images that have its style already.
    """
    x_s2t, x_t2s = G(x_s), F(x_t)
    return Cycle(
        x_s2t,
        x_t2s,
        x_s2t2s=F(x_s2t),
        x_t2s2t=G(x_t2s),
        x_s2s=F(x_s) if identity else None,
        x_t2t=G(x_t) if identity else None,
    )


def l1(image: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference in float32, 0-d."""
    return nnf.l1_loss(image.float(), target.float())


def cycle_terms(x: Cycle, x_s: Tensor, x_t: Tensor) -> dict[str, Tensor]:
    """Mean absolute differences: `cycle.*` (eq. 2) and, where computed, `identity.*`."""
    pairs = {
        'cycle.s2t2s': (x.x_s2t2s, x_s),
        'cycle.t2s2t': (x.x_t2s2t, x_t),
        'identity.s2s': (x.x_s2s, x_s),
        'identity.t2t': (x.x_t2t, x_t),
    }
    return {
        term: l1(translated, image)
        for term, (translated, image) in pairs.items()
        if translated is not None
    }


def translate_with(G: Generator, F: Generator, img: Tensor, to: str) -> Tensor:
    """(B, 3, H, W) in the style of `to`.

    Raises:
        ValueError: `to` is neither 'source' nor 'target'.
    """
    if to not in ('source', 'target'):
        raise ValueError(f"to must be 'source' or 'target'; got '{to}'")
    return G(img) if to == 'target' else F(img)


def cycle_visuals(x: Cycle, x_s: Tensor, x_t: Tensor) -> list[tuple[str, Tensor]]:
    """Columns of a picture: each domain there and back."""
    return [
        ('x_s', x_s),
        ('x_s2t', x.x_s2t),
        ('x_s2t2s', x.x_s2t2s),
        ('x_t', x_t),
        ('x_t2s', x.x_t2s),
        ('x_t2s2t', x.x_t2s2t),
    ]


def check_image_sizes(pool_size: tuple[int, int], datasets: Mapping[str, Dataset]) -> None:
    """Raises ValueError where the images of a data set are not of the pools' (height, width)."""
    for name, dataset in datasets.items():
        size = tuple(dataset[0].img.shape[-2:])
        if size != tuple(pool_size):
            raise ValueError(
                f'model.pool.image_size is {tuple(pool_size)} but the images of the loader {name} '
                f'are {size} after their transforms; make them equal'
            )
