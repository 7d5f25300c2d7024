"""Warning about whole scenes where crops of persons are meant."""

import logging
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from reidgen.datasets.image_files import DECODE_ERRORS, EXIF_ORIENTATION
from reidgen.datasets.log_once import log_once
from reidgen.spacing import evenly_spaced

NUM_LOOKED_AT = 64
TURNED = (5, 6, 7, 8)  # EXIF orientations whose sides change places


def warn_of_scenes(paths: Sequence[str | Path], place: str | Path) -> None:
    """Logs a warning where most pictures are wider than high; reads the headers of some.

    What cannot be read is passed over, as whoever decodes it tells it.

    Args:
        place: where they are from, for the warning.
    """
    rows = evenly_spaced(len(paths), min(NUM_LOOKED_AT, len(paths)))
    wide = [paths[row] for row in rows if _is_wide(paths[row])]
    if len(wide) > len(rows) / 2:
        log_once(
            f'{place}: {len(wide)} of {len(rows)} pictures are wider than high, the first '
            f'{wide[0]}. Whole scenes? A model reads crops, one person a picture, upright: cut '
            f'each person out first',
            logging.WARNING,
        )


def _is_wide(path: str | Path) -> bool:
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(EXIF_ORIENTATION) in TURNED
    except DECODE_ERRORS:
        return False
    return (height if turned else width) > (width if turned else height)
