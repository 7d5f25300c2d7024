"""Pictures that the page searches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reidgen.datasets.image_files import read_rgb
from reidgen.evaluation.neighbours import nearest_neighbours
from reidgen.inference import Model


class Gallery:
    """Pictures with their features, which are taken once.

    Args:
        model: with features.
        paths: of the pictures.
        cameras: name of the camera of each, where the model has batch-norm statistics by camera.
    """

    def __init__(self, model: Model, paths: Sequence[Path], cameras: Sequence[str] | None = None):
        self.model, self.paths = model, list(paths)
        self.features = model.embed([str(path) for path in self.paths], camera=cameras)

    def search(
        self, query: np.ndarray, top: int, camera: str | None = None
    ) -> list[tuple[np.ndarray, str]]:
        """The nearest pictures, (H, W, 3) uint8, each with a caption, nearest first.

        Args:
            query: (H, W, 3) uint8.
            top: how many; all where there are fewer.
            camera: of the query, as of `Model.embed`.
        """
        feature = self.model.embed(query, camera=camera)
        top = min(top, len(self.paths))
        rows = nearest_neighbours(feature, self.features, top).index[0].tolist()
        similarities = (self.features[rows] @ feature[0]).tolist()
        return [
            (decoded(self.paths[row]), self._caption(rank, self.paths[row], similarity))
            for rank, (row, similarity) in enumerate(zip(rows, similarities), start=1)
        ]

    def _caption(self, rank: int, path: Path, similarity: float) -> str:
        calibrated = self.model.info.calibration
        match = calibrated and self.model.calibration.is_match(2 - 2 * similarity)
        return f'{rank}. {similarity:.2f}{" match" if match else ""} {path.name}'


def decoded(path: Path) -> np.ndarray:
    """Pixels (H, W, 3) uint8 of a picture."""
    return read_rgb(path).permute(1, 2, 0).numpy()
