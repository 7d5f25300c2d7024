"""Writer of the camera-styled copies of a data set."""

from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from reidgen.datasets import ReIDDataset
from reidgen.files import check_stamp, written_whole

from .model import StarGAN

FOLDER = 'bounding_box_train_camstyle_stargan4reid'
ABOUT = 'copies.json'
PIXEL = 127.5  # of the range [-1, 1]


def copy_name(path: str | Path, camera: int) -> str:
    """File name of a copy, `<stem>_fake_<camera>.jpg`, cameras from 1."""
    return f'{Path(path).stem}_fake_{camera}.jpg'


def write_copies(
    model: StarGAN,
    dataset: ReIDDataset,
    folder: Path,
    about: dict,
    quality: int = 95,
    batch_size: int = 32,
    num_workers: int = 0,
) -> int:
    """Writes every image of the data set in the style of every camera, its own included.

    Each file is written beside and renamed: one that is there is whole, and is kept. So an
    interrupted call is completed by the next, if it is about the same model.

    Args:
        model: in eval mode.
        about: what tells these copies from others, kept in `copies.json`.
        quality: of the JPEG files, up to 95.

    Returns:
        Files written now.

    Raises:
        ValueError: the `copies.json` of the folder describes other copies, or two
            images of the data set have one file name.
    """
    paths = [record.path for record in dataset.records]
    _check_names(dataset.name, paths)
    folder.mkdir(parents=True, exist_ok=True)
    begun = any(folder.glob('*_fake_*.jpg'))
    check_stamp(folder / ABOUT, about, 'copies', begun)
    cameras = range(1, model.num_cameras + 1)
    missing = [
        row
        for row, path in enumerate(paths)
        if any(not (folder / copy_name(path, camera)).exists() for camera in cameras)
    ]
    written = 0
    for batch in _batches(dataset, missing, batch_size, num_workers):
        images = model.data_preprocessor(batch)
        for camera in cameras:
            with torch.no_grad():
                translated = to_pixels(model.translate(images, f'c{camera}'))
            for row, picture in zip(batch.index.tolist(), translated):
                path = folder / copy_name(paths[row], camera)
                if not path.exists():
                    _save(picture, path, quality)
                    written += 1
    return written


def to_pixels(img: Tensor) -> Tensor:
    """Pixels (B, H, W, 3) uint8 on the CPU, of images (B, 3, H, W) in [-1, 1]."""
    return img.float().add(1).mul(PIXEL).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu()


def _batches(dataset, rows: list[int], batch_size: int, num_workers: int) -> Iterator:
    if not rows:
        return
    loader = DataLoader(
        dataset.plain(), batch_size=batch_size, sampler=rows, num_workers=num_workers
    )
    yield from tqdm(loader, 'translate copies', leave=False, disable=None)


def _check_names(name: str, paths: list[str]) -> None:
    stems = [Path(path).stem for path in paths]
    if len(set(stems)) < len(stems):
        double = next(stem for stem in stems if stems.count(stem) > 1)
        raise ValueError(
            f'{name} has two images called {double}: their copies would have one name; rename one'
        )


def _save(picture: Tensor, path: Path, quality: int) -> None:
    with written_whole(path) as part:
        Image.fromarray(picture.numpy()).save(part, format='JPEG', quality=quality)
