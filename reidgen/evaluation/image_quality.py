"""Quality of translated images: distances of feature distributions, and diversity.

The mathematics is torchmetrics'; features are computed once, by whatever network, and given as
they are. Needs `pip install 'reidgen[metrics]'`.
"""

import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn

NUM_PAIRS = 1000  # of images whose SSIM is taken


class KernelDistance(NamedTuple):
    """Mean and deviation of KID over random subsets."""

    mean: float
    std: float
    subset_size: int


class GivenFeatures(nn.Identity):
    """Identity in place of torchmetrics' network, for precomputed features."""

    def __init__(self, num_features: int):
        super().__init__()
        self.num_features = num_features


def frechet_distance(real: Tensor, translated: Tensor) -> float:
    """FID of two sets of features: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), in float64.

    Heusel et al. (NeurIPS 2017). It grows as the sets get smaller, so only values of equal N
    compare; below D images the covariances are singular, which the trace of eigenvalues bears.

    Args:
        real, translated: (N, D) features, one network's; the two N may differ.

    Raises:
        ValueError: fewer than two images a set, or features of different length.
        ImportError: torchmetrics is not installed.
    """
    check_features(real, translated)
    metric = _image_metrics('fid').FrechetInceptionDistance(feature=GivenFeatures(real.shape[1]))
    metric.update(real.double(), real=True)
    metric.update(translated.double(), real=False)
    return metric.compute().item()


def kernel_distance(
    real: Tensor,
    translated: Tensor,
    num_subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> KernelDistance:
    """KID: the unbiased squared MMD under the kernel (a . b / D + 1)^3 (Binkowski et al., ICLR
    2018).

    It may be negative. A subset is never larger than the smaller set.

    Args:
        real, translated: (N, D) features, one network's.
        num_subsets: random subsets, drawn without replacement; mean and deviation run over them.

    Raises:
        ValueError: fewer than two images a set, or features of different length.
        ImportError: torchmetrics is not installed.
    """
    check_features(real, translated)
    size = min(subset_size, len(real), len(translated))
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings('ignore', '.*save all extracted features.*')
        metric = _image_metrics('kid').KernelInceptionDistance(
            feature=GivenFeatures(real.shape[1]), subsets=num_subsets, subset_size=size
        )
        torch.default_generator.manual_seed(seed)  # torchmetrics draws the subsets from it
        metric.update(real.double(), real=True)
        metric.update(translated.double(), real=False)
        mean, std = metric.compute()
    return KernelDistance(mean.item(), std.item(), size)


def ssim_diversity(load: Callable[[int], Tensor], num_images: int, seed: int = 0) -> float:
    """Diversity of a set: 1 - mean SSIM over 1000 random pairs of different images, or all pairs.

    SSIM of Wang et al. (2004) with an 11 x 11 Gaussian of sigma 1.5, a mean over channels and
    pixels. 0: all images are alike.

    Args:
        load: row -> (3, H, W) uint8.
        num_images: N, rows there are.

    Raises:
        ValueError: fewer than two images.
        ImportError: torchmetrics is not installed.
    """
    ssim = _functional().structural_similarity_index_measure
    total, pairs = 0.0, random_pairs(num_images, NUM_PAIRS, seed)
    for first, second in pairs:
        a, b = (load(row)[None].float() for row in (first, second))
        total += ssim(a, b, sigma=1.5, kernel_size=11, data_range=255.0).item()
    return 1 - total / len(pairs)


def random_pairs(num_images: int, num_pairs: int, seed: int) -> Sequence[tuple[int, int]]:
    """Random distinct pairs (a, b) of rows, a < b; all pairs if there are fewer.

    Raises:
        ValueError: fewer than two images.
    """
    if num_images < 2:
        raise ValueError(f'{num_images} images make no pair; give two or more')
    available = num_images * (num_images - 1) // 2
    generator = torch.Generator().manual_seed(seed)
    if num_pairs >= available:
        return [(a, b) for b in range(num_images) for a in range(b)]
    chosen: dict[tuple[int, int], None] = {}
    while len(chosen) < num_pairs:
        a, b = torch.randint(num_images, (2,), generator=generator).tolist()
        if a != b:
            chosen[min(a, b), max(a, b)] = None
    return list(chosen)


def check_features(real: Tensor, translated: Tensor) -> None:
    """Raises ValueError for two sets of features that cannot be compared."""
    shapes = tuple(real.shape), tuple(translated.shape)
    if any(len(shape) != 2 or shape[0] < 2 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(
            f'features are {shapes[0]} and {shapes[1]}; give (N, D) of one network, with two or '
            f'more images a set'
        )


def _image_metrics(name: str) -> ModuleType:
    try:
        # torchmetrics.image itself leaves fid and kid out where torch-fidelity is not installed
        return import_module(f'torchmetrics.image.{name}')
    except ImportError as error:
        raise ImportError(f"torchmetrics: {error}; pip install 'reidgen[metrics]'") from error


def _functional() -> ModuleType:
    _image_metrics('ssim')
    from torchmetrics.functional import image

    return image
