"""BackgroundBank: the images of a data set without their persons, as backgrounds of others."""

import cv2
import numpy as np
import torch
from torch import Tensor

from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.rng import seed_of

REACH = 3  # pixels around a filled one that its colour is taken from
EDGE = 1  # pixels of a picture around the body that are taken with it
SOFT = 0.8  # pixels, standard deviation: how soft a pasted person's edge is


class BackgroundBank:
    """The images of a training set with their persons filled in.

    A person is where the pose map is brighter than `threshold`; that place, grown by `margin`, is
    filled in from its border (Telea, Journal of Graphics Tools 2004). Maps and cameras are all that
    is read, no identity.

    Args:
        dataset: training set with pose maps, no random transforms.
        channel: of the pose map, the one that is dark off the body: a mesh or a silhouette.
        threshold: 0 to 255. Above 0, as maps kept as JPEG are not exactly 0 off the body.
        margin: pixels; clothes and hair stand out from a mesh.

    Raises:
        ValueError: the data set has no pose map, or threshold or margin is out of range.
    """

    def __init__(
        self, dataset: ReIDDataset, channel: int = -1, threshold: int = 48, margin: int = 3
    ):
        if dataset.pose_map is None:
            raise ValueError(
                f'backgrounds need to know where the persons of {dataset.name} are; give its '
                f'loader a pose_map that is dark off the body'
            )
        if not 0 <= threshold < 255 or margin < 0:
            raise ValueError(
                f'threshold is {threshold} and margin {margin}; set 0 to 254 and 0 or more pixels'
            )
        self.dataset, self.channel = dataset, channel
        self.threshold, self.margin = threshold, margin
        self._camids = np.asarray(dataset.camids)

    @property
    def stamp(self) -> dict:
        """Plain data that tells which backgrounds these are."""
        return dict(
            of=self.dataset.name,
            images=len(self.dataset),
            channel=self.channel,
            threshold=self.threshold,
            margin=self.margin,
        )

    def __getitem__(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8: image `index` without its person."""
        item = self.dataset[index]
        hole = _grown(self._body(item.pose_map), self.margin)
        picture = np.ascontiguousarray(item.img.permute(1, 2, 0).numpy())
        return cv2.inpaint(picture, hole, REACH, cv2.INPAINT_TELEA)

    def behind(
        self, pictures: Tensor, maps: Tensor, rows: Tensor, cameras: Tensor | None, style: int
    ) -> Tensor:
        """The persons of some pictures in front of backgrounds drawn from here.

        Args:
            pictures: (B, H, W, 3) uint8.
            maps: (B, M, H, W) uint8 pose maps of these pictures.
            rows: (B,) of the pictures in their own set; with `style` they seed the draw.
            cameras: (B,) from 0, whose backgrounds to take; None, or a camera without images: of
                all.

        Returns:
            (B, H, W, 3) uint8.

        Raises:
            ValueError: sizes differ.
        """
        pasted = [
            self._pasted(
                picture.numpy(), _grown(self._body(each), EDGE), self._drawn(row, camera, style)
            )
            for picture, each, row, camera in zip(
                pictures,
                maps,
                rows.tolist(),
                [None] * len(rows) if cameras is None else cameras.tolist(),
            )
        ]
        return torch.from_numpy(np.stack(pasted))

    def _body(self, pose_map: Tensor) -> np.ndarray:
        return (pose_map[self.channel].numpy() > self.threshold).astype(np.uint8)

    def _drawn(self, row: int, camera: int | None, style: int) -> np.ndarray:
        seen = np.arange(len(self._camids))
        if camera is not None:
            seen = np.flatnonzero(self._camids == camera)
        if not len(seen):  # a camera that took no training image has no background of its own
            seen = np.arange(len(self._camids))
        return self[int(seen[seed_of(row, style) % len(seen)])]

    def _pasted(self, picture: np.ndarray, body: np.ndarray, background: np.ndarray) -> np.ndarray:
        if picture.shape != background.shape:
            raise ValueError(
                f'a picture of {picture.shape[:2]} does not fit the backgrounds of '
                f'{self.dataset.name}, {background.shape[:2]}; give both loaders the same Resize'
            )
        share = cv2.GaussianBlur(body.astype(np.float32), (3, 3), SOFT)[..., None]
        mixed = picture * share + background * (1 - share)
        return mixed.round().clip(0, 255).astype(np.uint8)


def _grown(body: np.ndarray, pixels: int) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(body, disc)
