"""BackgroundBank: the images of a data set without their persons, as backgrounds of others."""

import cv2
import numpy as np
import torch
from torch import Tensor

from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.rng import seed_of

BODY = 48  # of 255, in the last channel of a pose map: brighter is the body, JPEG's noise is not
MARGIN = 3  # pixels around the body that are filled in: clothes and hair stand out from a mesh
REACH = 3  # pixels around a filled one that its colour is taken from
EDGE = 1  # pixels of a picture around the body that are taken with it
SOFT = 0.8  # pixels, standard deviation: how soft a pasted person's edge is


class BackgroundBank:
    """The images of a training set with their persons filled in.

    A person is where the last channel of the pose map, a mesh or a silhouette, is bright; that
    place, and three pixels around it, is filled in from its border (Telea, Journal of Graphics
    Tools 2004). Maps and cameras are all that is read, no identity.

    Args:
        dataset: training set with pose maps, no random transforms.

    Raises:
        ValueError: the data set has no pose map.
    """

    def __init__(self, dataset: ReIDDataset):
        if dataset.pose_map is None:
            raise ValueError(
                f'backgrounds need to know where the persons of {dataset.name} are; give its '
                f'loader a pose_map that is dark off the body'
            )
        self.dataset = dataset
        self._camids = np.asarray(dataset.camids)

    @property
    def stamp(self) -> dict:
        """Plain data that tells which backgrounds these are."""
        return dict(of=self.dataset.name, images=len(self.dataset))

    def __getitem__(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8: image `index` without its person."""
        item = self.dataset[index]
        hole = _grown(body_of(item.pose_map), MARGIN)
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
                picture.numpy(), _grown(body_of(each), EDGE), self._drawn(row, camera, style)
            )
            for picture, each, row, camera in zip(
                pictures,
                maps,
                rows.tolist(),
                [None] * len(rows) if cameras is None else cameras.tolist(),
            )
        ]
        return torch.from_numpy(np.stack(pasted))

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


def body_of(pose_map: Tensor) -> np.ndarray:
    """(H, W) uint8, 1 on the body that a pose map (M, H, W) of uint8 shows in its last channel."""
    return (pose_map[-1].numpy() > BODY).astype(np.uint8)


def _grown(body: np.ndarray, pixels: int) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(body, disc)
