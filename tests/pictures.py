"""Pictures that a test looks at."""

from pathlib import Path

from PIL import Image


def read_picture(path: str | Path) -> Image.Image:
    """A picture, decoded; its file is closed."""
    with Image.open(path) as image:
        image.load()
        return image
