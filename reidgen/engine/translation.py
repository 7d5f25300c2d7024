"""A whole data set, translated by a model in the style of another domain."""

from pathlib import Path

import torch
from mmengine.dist import barrier, get_dist_info, is_main_process
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from torchvision.transforms.v2.functional import gaussian_blur

from reidgen.datasets.head_colours import HeadColours
from reidgen.datasets.image_files import SUFFIXES
from reidgen.datasets.scenes import Scenes
from reidgen.files import check_stamp, written_whole

from .progress import progress

STAMP = 'translation.json'
JPEG = dict(quality=95, subsampling=0)
FIX = (
    'make room or choose another folder; the pictures before it are kept, and a second run '
    'completes them'
)


@torch.no_grad()
def translate_dataset(
    model,
    dataset,
    to: str,
    folder: str | Path,
    stamp: dict,
    batch_size: int = 64,
    num_workers: int = 0,
    style: int = 0,
    scenes: Scenes | None = None,
    translator: str | HeadColours = 'model',
    detail: float | None = None,
) -> Path:
    """Writes what `model.translate` makes of every image, under the image's own file name.

    A picture that is there already is kept, so an interrupted run is completed; each is written
    beside and renamed. With several processes each translates its share. The model is in eval mode
    meanwhile, its mode is put back afterwards.

    Args:
        model: an AdversarialModel with `translate`.
        dataset: a training set with the pose maps that the model needs; translated without
            augmentation.
        to: domain whose style is translated, as `model.translate` calls it.
        folder: where the pictures go: PNG, or JPEG of quality 95 without chroma subsampling where
            the name says so. All names must differ.
        stamp: plain data that tells what translates: kept in `translation.json`.
        style: see `model.translate`.
        scenes: put the persons in front of these, those of the camera that is translated.
        translator: 'model'; or what it has to beat: a HeadColours, or 'none', the images as they
            are.
        detail: pixels; see `keep_detail`. With `scenes`, inside the person.

    Returns:
        the folder.

    Raises:
        ValueError: the folder holds pictures of another stamp, or two images have one name.
        OSError: a picture cannot be written.
    """
    folder, plain = Path(folder), dataset.plain(maps=True)
    names = _names(dataset)
    how = dict(
        translator=translator if isinstance(translator, str) else translator.stamp,
        detail=detail,
        scenes=None if scenes is None else scenes.stamp,
    )
    _check_stamp(folder, dict(stamp, to=to, style=style, images=len(names), **how))
    rank, world_size = get_dist_info()
    mine = range(rank, len(names), world_size)
    rows = [row for row in mine if not (folder / names[row]).exists()]
    loader = DataLoader(Subset(plain, rows), batch_size=batch_size, num_workers=num_workers)
    was_training = model.training
    model.eval()
    try:
        for raw in progress(loader, f'translate {dataset.name}') if rows else ():
            pictures = _painted(model, raw, to, style, scenes, translator, detail)
            for row, picture in zip(raw.index.tolist(), pictures):
                _write(picture, folder / names[row])
    finally:
        model.train(was_training)
    barrier()
    return folder


def keep_detail(
    img: Tensor, translated: Tensor, sigma: float, where: Tensor | None = None
) -> Tensor:
    """What is coarse of a translated image, what is fine of the image itself.

    img + blur(translated - img): a change of colour and light comes through, a lost texture or a
    stripe of the generator does not. Inside `where` the blur does not look outside.

    Args:
        img: (B, 3, H, W) float.
        translated: of the same shape.
        sigma: standard deviation of the Gaussian, in pixels.
        where: (B, 1, H, W) float in [0, 1], the persons; None: everywhere.

    Returns:
        (B, 3, H, W); the image itself where nothing of `where` is near.

    Raises:
        ValueError: three times sigma is more than a side of the image.
    """
    size = 2 * round(3 * sigma) + 1
    if size // 2 >= min(img.shape[2:]):
        raise ValueError(
            f'detail={sigma} blurs over {size} pixels, images are {tuple(img.shape[2:])}; set it '
            f'below a third of the shorter side'
        )
    change = translated.float() - img.float()
    if where is None:
        return img + gaussian_blur(change, [size, size], [sigma, sigma])
    coarse = gaussian_blur(torch.cat([change * where, where], dim=1), [size, size], [sigma, sigma])
    return img + coarse[:, :3] / coarse[:, 3:].clamp_min(1e-3)


def _names(dataset) -> list[str]:
    names = [Path(record.path).name for record in dataset.records]
    if len(set(names)) < len(names):
        raise ValueError(
            f'{dataset.name}: {len(names)} images have {len(set(names))} names, so one translation '
            f'would overwrite another; translate its folders one by one'
        )
    return names


def _painted(
    model,
    raw,
    to: str,
    style: int,
    scenes: Scenes | None,
    translator: str | HeadColours,
    detail: float | None,
) -> Tensor:
    """(B, H, W, 3) uint8 of a batch as loaded."""
    batch, normalizer = model.data_preprocessor(raw), model.data_preprocessor
    cameras = model.style_cameras(batch, to, style)
    img = translated = batch.img
    if translator == 'model':
        with model.autocast():
            translated = model.translate(batch, to, style)
    elif translator != 'none':
        pixels = translator(raw.img, raw.camid, cameras).to(img)
        translated = pixels * normalizer.scale - normalizer.shift
    if detail is not None:
        persons = scenes.persons(raw.pose_map).to(img) if scenes is not None else None
        translated = keep_detail(img, translated, detail, persons)
    pictures = _pixels(translated, normalizer)
    if scenes is None:
        return pictures
    return scenes.behind(pictures, raw.pose_map, raw.index, cameras, style)


def _pixels(img: Tensor, normalizer) -> Tensor:
    """(B, H, W, 3) uint8 of normalised images."""
    pixels = (img.float() + normalizer.shift) / normalizer.scale
    return pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu()


def _write(picture: Tensor, path: Path) -> None:
    jpeg = path.suffix.lower() in ('.jpg', '.jpeg')
    with written_whole(path, FIX) as part:
        Image.fromarray(picture.contiguous().numpy()).save(
            part, format='JPEG' if jpeg else 'PNG', **(JPEG if jpeg else {})
        )


def _check_stamp(folder: Path, stamp: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    begun = any(each.suffix.lower() in SUFFIXES for each in folder.iterdir())
    check_stamp(folder / STAMP, stamp, 'a translation', begun, write=is_main_process())
