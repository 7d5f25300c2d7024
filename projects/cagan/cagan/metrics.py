"""Errors of a swap against its ground truth, inside and outside the garment region."""

import torch
import torch.nn.functional as nnf
from torch import Tensor

WINDOW, SIGMA = 11, 1.5
MARGIN = 3  # pixels around the garment that count for neither side: the camera blurs its edge


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of each pixel (Wang et al., 2004), (B, H, W), mean over channels.

    Gaussian window of 11 x 11, sigma 1.5; the border is reflected.

    Args:
        a, b: (B, C, H, W), in 0..255.
    """
    a, b = (picture.double() for picture in (a, b))
    channels = a.shape[1]
    at = torch.arange(WINDOW, dtype=torch.float64, device=a.device) - WINDOW // 2
    line = torch.exp(-(at**2) / (2 * SIGMA**2))
    line = line / line.sum()
    down = line.view(1, 1, -1, 1).expand(channels, -1, -1, -1)
    across = line.view(1, 1, 1, -1).expand(channels, -1, -1, -1)

    def mean(picture: Tensor) -> Tensor:
        # a Gaussian window is one along the columns, then one along the rows: 22 products, not 121
        padded = nnf.pad(picture, [WINDOW // 2] * 4, mode='reflect')
        return nnf.conv2d(nnf.conv2d(padded, down, groups=channels), across, groups=channels)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (var_a + var_b + c2)
    return (luminance * structure).mean(dim=1)


def regions(garment: Tensor) -> tuple[Tensor, Tensor]:
    """Inner and outer region, (B, 1, H, W) bool; a ring of three pixels is in neither.

    Args:
        garment: (B, 1, H, W) bool, pixels of the garment before or after.
    """
    grown = nnf.max_pool2d(garment.float(), 2 * MARGIN + 1, stride=1, padding=MARGIN) > 0
    return garment, ~grown


def swap_errors(swapped: Tensor, truth: Tensor, garment: Tensor) -> dict[str, Tensor]:
    """L1 and SSIM errors of each image by region, (B,); NaN where a region is empty.

    `l1_in`, `l1_out`: mean absolute difference in grey levels of 255. `ssim_in`, `ssim_out`: mean
    of the SSIM map over the region, where the rest of the picture is taken from the truth, so that
    a window across the edge does not mix the two.

    Args:
        swapped, truth: (B, 3, H, W) uint8.
        garment: (B, 1, H, W) bool.
    """
    swapped, truth = swapped.float(), truth.float()
    difference = (swapped - truth).abs().mean(dim=1)  # (B, H, W)
    errors = {}
    for name, region in zip(('in', 'out'), regions(garment)):
        here = region[:, 0]
        similar = ssim_map(torch.where(region, swapped, truth), truth)
        errors[f'l1_{name}'] = mean_over(difference, here)
        errors[f'ssim_{name}'] = mean_over(similar, here)
    return errors


def mean_over(values: Tensor, where: Tensor) -> Tensor:
    """Means (B,) of values (B, H, W) over a pixel mask (B, H, W); NaN where it is empty."""
    where = where.to(values.dtype)
    return (values * where).sum(dim=(1, 2)) / where.sum(dim=(1, 2))
