"""Camera-styled copies of a data set."""

from pathlib import Path

from torch import Tensor

from reidgen.datasets import ReIDDataset
from reidgen.engine.translation import ModelTranslator, translate_dataset

from .model import StarGAN

FOLDER = 'bounding_box_train_camstyle_stargan4reid'
MAX_QUALITY = 95  # above it Pillow's files grow and their pictures do not gain


class CameraTranslator:
    """StarGAN as a Translator: style k is camera k, from 1 as in file names."""

    stamp = dict(name='model', to='camera')

    def __init__(self, model: StarGAN):
        self.model = model

    def __call__(self, raw, style: int) -> Tensor:
        return ModelTranslator(self.model, f'c{style}')(raw)


def copy_name(path: str | Path, camera: int) -> str:
    """File name of a copy, `<stem>_fake_<camera>.jpg`, cameras from 1."""
    return f'{Path(path).stem}_fake_{camera}.jpg'


def write_copies(
    model: StarGAN,
    dataset: ReIDDataset,
    folder: Path,
    stamp: dict,
    quality: int = 95,
    batch_size: int = 32,
    num_workers: int = 0,
) -> Path:
    """Writes every image of a data set in the style of every camera, its own included.

    Args:
        stamp: plain data that tells of which model the copies are, kept in `translation.json`.
        quality: of the JPEG files, 1 to 95; chroma is subsampled, as in HHL's copies.

    Returns:
        the folder.

    Raises:
        ValueError: a quality out of range; or as `translate_dataset`.
        OSError: as `translate_dataset`.
    """
    if not 1 <= quality <= MAX_QUALITY:
        raise ValueError(f'quality is {quality}; set 1 to {MAX_QUALITY}')
    return translate_dataset(
        CameraTranslator(model),
        dataset,
        folder,
        dict(stamp, quality=quality),
        batch_size=batch_size,
        num_workers=num_workers,
        style=range(1, model.num_cameras + 1),
        name=copy_name,
        jpeg=dict(quality=quality),
    )
