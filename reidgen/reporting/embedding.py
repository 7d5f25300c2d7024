"""Pictures inside the page, as data URIs."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from reidgen.visualization.ranked_lists import read_picture

THUMBNAIL = (128, 64)  # height and width at most
PICTURE_WIDTH = 1200
QUALITY = 80  # of JPEG


class Thumbnails:
    """Thumbnails of images of a data set, each embedded once; what cannot be read is counted."""

    def __init__(self) -> None:
        self.uris: dict[str, str | None] = {}  # by path; None: cannot be read

    def add(self, paths: Iterable[str]) -> None:
        """Reads images that were not asked for before."""
        for path in paths:
            if path not in self.uris:
                self.uris[path] = self._read(path)

    def _read(self, path: str) -> str | None:
        if not Path(path).is_file():
            return None  # the images were moved, or the data set draws them
        try:
            image = read_picture(path)
        except (OSError, ValueError):
            return None
        image.thumbnail(THUMBNAIL[::-1])
        return data_uri(image)

    @property
    def num_missing(self) -> int:
        return sum(uri is None for uri in self.uris.values())

    def found(self) -> dict[str, str]:
        """Data URIs by path, of the images that could be read."""
        return {path: uri for path, uri in self.uris.items() if uri is not None}


def picture_uri(path: Path) -> str:
    """Data URI of a drawn picture, at most PICTURE_WIDTH wide."""
    with Image.open(path) as image:
        image = image.convert('RGB')
    image.thumbnail((PICTURE_WIDTH, 10 * PICTURE_WIDTH))
    return data_uri(image)


def data_uri(image: Image.Image) -> str:
    """JPEG of an RGB image as data URI."""
    data = io.BytesIO()
    image.save(data, format='JPEG', quality=QUALITY, optimize=True)
    return 'data:image/jpeg;base64,' + base64.b64encode(data.getvalue()).decode()
