"""CameraColourTransfer: colours of one domain's cameras brought to another's in closed form."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from reidgen.choices import one_of
from reidgen.datasets.reid_dataset import ReIDDataset

from .background_bank import BODY, body_of
from .colour_maps import COLOUR_MAPS
from .model import style_cameras

BATCH = 128
HEAD = (0.04, 0.13)  # shares of the body's height from its top


class CameraColourTransfer:
    """A translator that matches colours in closed form on heads, camera by camera.

    Colours are measured where the domains differ by their cameras alone: on heads, not on clothes,
    ground or walls (colours from faces: Bianco and Schettini, TPAMI 2014). What a generator
    translates has to be worth more than that. Maps and cameras are all that is read, no identity.

    Args:
        source: training set with pose maps whose pictures are to be changed; nothing random.
        target: the same of the domain whose colours they are given.
        num_cameras: image i is given the colours of camera i + style of the target, counted round;
            0: of all its cameras together. With `own`: of the camera 1 + style after its own.
        match: 'moments', mean and deviation of each channel (Reinhard et al., Computer Graphics and
            Applications 2001); 'matrix', mean and covariance by the linear Monge-Kantorovich map
            (Pitie and Kokaram, CVMP 2007); or 'histogram' of each channel.

        own: both are one data set, whose pictures are given the colours of its other cameras.

    Raises:
        ValueError: an unknown match, a data set has no pose maps, or a camera has seen no head.
    """

    def __init__(
        self,
        source: ReIDDataset,
        target: ReIDDataset,
        num_cameras: int = 0,
        match: str = 'moments',
        own: bool = False,
    ):
        self.num_cameras, self.own = num_cameras, own
        self._map = COLOUR_MAPS[one_of(match, COLOUR_MAPS, 'match')]
        self.stamp = dict(
            name='colours', of=target.name, images=len(target), num_cameras=num_cameras
        )
        if match != 'moments':
            self.stamp['match'] = match
        if own:
            self.stamp['own'] = True
        self._own, self._style = (self._measured(dataset) for dataset in (source, target))

    def __call__(self, raw, style: int) -> Tensor:
        """(B, H, W, 3) uint8 of a batch as loaded."""
        cameras = style_cameras(raw, style, self.num_cameras, self.own)
        pixels = self.transfer(raw.img, raw.camid, cameras)
        return pixels.round().to(torch.uint8).permute(0, 2, 3, 1)

    def transfer(self, pictures: Tensor, camids: Tensor, cameras: Tensor | None) -> Tensor:
        """(B, 3, H, W) float, from 0 to 255: pictures as other cameras would have taken them.

        Args:
            pictures: (B, 3, H, W) uint8 of the source.
            camids: (B,) cameras that took them.
            cameras: (B,) of the target; None, or a camera without training images: all together.
        """
        own = self._rows(self._own, camids.tolist())
        style = self._rows(
            self._style, [None] * len(pictures) if cameras is None else cameras.tolist()
        )
        return self._map.apply(pictures, own, style).clamp(0, 255)

    @staticmethod
    def _rows(measured: dict[int | None, Tensor], cameras: list[int | None]) -> Tensor:
        """(B, ...) statistics."""
        return torch.stack([measured.get(camera, measured[None]) for camera in cameras])

    def _measured(self, dataset: ReIDDataset) -> dict[int | None, Tensor]:
        """Statistics of heads by camera; None: of all."""
        if dataset.pose_map is None:
            raise ValueError(
                f'where the heads of {dataset.name} are is not known; give its loader a pose_map '
                f'that is dark off the body'
            )
        pixels: dict[int, list[Tensor]] = {int(camera): [] for camera in dataset.camids.unique()}
        for batch in DataLoader(dataset, batch_size=BATCH):
            for picture, pose_map, camera in zip(batch.img, batch.pose_map, batch.camid.tolist()):
                head = torch.from_numpy(band_of(body_of(pose_map).astype(bool), HEAD))
                pixels[camera].append(picture[:, head].T.double())
        seen = {camera: torch.cat(each) for camera, each in pixels.items()}
        blind = sorted(camera for camera, each in seen.items() if not len(each))
        if blind:
            raise ValueError(
                f'cameras {blind} of {dataset.name} (from 0) have seen no head: their pose maps '
                f'are nowhere above {BODY} of 255 in the last channel; check them'
            )
        seen[None] = torch.cat(list(seen.values()))
        return {camera: self._map.measure(each) for camera, each in seen.items()}


def band_of(body: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    """(H, W) bool: what of a body (H, W) of bool lies between two shares of its height.

    One row at least; empty where there is no body.
    """
    rows = np.flatnonzero(body.any(1))
    inside = np.zeros_like(body)
    if len(rows):
        height = rows[-1] + 1 - rows[0]
        first, last = (rows[0] + int(share * height) for share in band)
        inside[first : max(last, first + 1)] = body[first : max(last, first + 1)]
    return inside
