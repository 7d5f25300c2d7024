"""Crops of heads, which the discriminators are given in place of whole images."""

import torch
from torch import Tensor
from torchvision.ops import roi_align

HEAD = 0.13  # share of the body's height
BODY = -0.6  # of pose maps in [-1, 1]: brighter is the body


class HeadCrops:
    """Heads, cut out and enlarged, for discriminators of domains that differ by more than style.

    A discriminator of unpaired pictures learns whatever tells the domains apart: other clothes,
    other scenery. A generator that follows it bleaches summer clothes towards winter coats, and
    turns persons purple for grass that ought to be snow. Heads look alike in both domains but for
    the cameras; what G learns of colour and light from them goes for all of a person. (Colours from
    faces: Bianco and Schettini, Adaptive color constancy using faces, TPAMI 2014.)

    A head is the uppermost part of the body that the pose map shows in its last channel; what is
    not body is blank, 0 or ImageNet's mean grey.

    Args:
        size: pixels, height and width of a crop.

    Raises:
        ValueError: size is below 1.
    """

    def __init__(self, size: int = 32):
        if size < 1:
            raise ValueError(f'size is {size}; set 1 or more pixels')
        self.size = size

    def __call__(self, img: Tensor, pose_map: Tensor) -> Tensor:
        """(B, C, size, size) of images (B, C, H, W) and maps (B, M, H, W); blank where a map is."""
        # float32 under autocast too: boxes of another precision would tell real from translated
        body = (pose_map[:, -1:] > BODY).float()
        rows = torch.arange(len(img), device=img.device, dtype=torch.float32)[:, None]
        boxes = torch.cat([rows, self.boxes(body)], dim=1)
        return roi_align(img.float() * body, boxes, self.size, sampling_ratio=2, aligned=True)

    def boxes(self, body: Tensor) -> Tensor:
        """(B, 4): left, top, right, bottom of the heads of bodies (B, 1, H, W) of 0 and 1."""
        top, bottom = _extent(body.amax((1, 3)))
        bottom = top + (HEAD * (bottom - top)).clamp_min(1)
        rows = torch.arange(body.shape[2], device=body.device)
        in_head = (rows >= top[:, None]) & (rows < bottom[:, None])  # (B, H)
        left, right = _extent((body * in_head[:, None, :, None]).amax((1, 2)))
        return torch.stack([left, top, right, bottom], dim=1)


def _extent(line: Tensor) -> tuple[Tensor, Tensor]:
    """First and one past the last 1 of each row (B, N) of 0 and 1; (0, N) where there is none."""
    length = line.shape[1]
    first, last = line.argmax(1), length - line.flip(1).argmax(1)
    return first.to(line), last.to(line)
