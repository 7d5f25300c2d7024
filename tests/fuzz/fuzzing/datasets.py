"""Undamaged data sets on disk, in every layout, and what is read of them."""

import io
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from reidgen.registry import DATASETS, build

MARKET_TREE = {
    'bounding_box_train': (
        '0002_c1s1_000451_03',
        '0002_c2s1_000801_01',
        '0007_c2s3_077419_03',
        '0007_c1s6_028546_04',
        '-1_c1s1_000401_03',
        '0000_c2s3_001234_01',
    ),
    'query': ('0001_c1s1_001051_00', '0003_c2s1_001000_00'),
    'bounding_box_test': ('-1_c1s1_000401_03', '0001_c2s1_000301_00', '0003_c1s1_000002_00'),
}
MSMT_TREE = {
    'train': ('0000/0000_000_01_0303morning_0008_0', '0001/0001_001_03_0303noon_0011_1'),
    'test': ('0000/0000_000_02_0303morning_0009_0', '0000/0000_001_05_0303noon_0015_2'),
}
MSMT_LISTS = {  # lines as (image, identity)
    'train': ((MSMT_TREE['train'][0], 0),),
    'val': ((MSMT_TREE['train'][1], 1),),
    'query': ((MSMT_TREE['test'][0], 0),),
    'gallery': ((MSMT_TREE['test'][1], 0),),
}
FOLDER = {'train': 'bounding_box_train', 'query': 'query', 'gallery': 'bounding_box_test'}


class Layout(NamedTuple):
    """A data set on disk."""

    type: str
    options: dict[str, Any] = {}
    inner: str = ''  # folder below root that the split folders are in
    msmt: bool = False


LAYOUTS = {
    'Market-1501': Layout('Market1501'),
    'DukeMTMC-reID': Layout('DukeMTMC'),
    'CUHK03-NP': Layout('CUHK03', dict(boxes='labeled'), 'labeled'),
    'MSMT17': Layout('MSMT17', msmt=True),
    'FolderReID, market': Layout('FolderReID', dict(layout='market')),
    'FolderReID, flat': Layout('FolderReID', dict(junk_rule=True)),
}


@cache
def picture(name: str, suffix: str = '.jpg', size: tuple[int, int] = (16, 8)) -> bytes:
    """Encoded picture (height, width) of noise, another for each name."""
    rng = np.random.default_rng(list(name.encode()))
    return encoded(Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)), suffix)


def encoded(image: Image.Image, suffix: str, **options) -> bytes:
    data = io.BytesIO()
    image.save(data, Image.registered_extensions()[suffix], **options)
    return data.getvalue()


def write_picture(path: Path, data: bytes | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(path.stem, path.suffix) if data is None else data)


def write_dataset(root: Path, layout: Layout, suffix: str = '.jpg') -> None:
    """Writes a data set of some ten pictures."""
    for folder, names in (MSMT_TREE if layout.msmt else MARKET_TREE).items():
        for name in names:
            write_picture(root / layout.inner / folder / f'{name}{suffix}')
    for name, lines in MSMT_LISTS.items() if layout.msmt else ():
        text = ''.join(f'{image}{suffix} {pid}\n' for image, pid in lines)
        (root / f'list_{name}.txt').write_text(text)


def images_of(root: Path, layout: Layout, split: str) -> list[Path]:
    """Sorted pictures of a split that are no junk."""
    folder = root / layout.inner / (FOLDER[split] if not layout.msmt else '')
    if layout.msmt:
        folder = root / ('train' if split == 'train' else 'test')
    return sorted(
        path for path in folder.rglob('*') if path.is_file() and path.name[:2] not in ('-1', '00_')
    )


def open_dataset(root: Path, layout: Layout, split: str, **options):
    given = dict(type=layout.type, root=str(root), split=split, **layout.options)
    return build(given | options, DATASETS, 'dataset')


def rows(dataset, root: Path) -> list[tuple]:
    """Path below root, identity, camera and pixels of each image, with those of its maps."""
    found = []
    for row, record in enumerate(dataset.records):
        item = dataset[row]
        maps = [getattr(item, name).numpy().tobytes() for name in item._fields[1:-3]]
        path = record.path.replace(str(root), '.')
        found.append((path, int(item.pid), int(item.camid), item.img.numpy().tobytes(), *maps))
    return found


def same_labels(result: list[tuple], undamaged: list[tuple]) -> bool:
    """Whether the same images have the same labels, whatever is in their pixels.

    A user's images come without checksums: a flipped bit that leaves a picture decodable shows
    nowhere, and harms one picture.
    """
    return [row[:3] for row in result] == [row[:3] for row in undamaged]


def same_but_names(result: list[tuple], undamaged: list[tuple]) -> bool:
    """Whether pixels and labels are the same, whatever the files are called."""
    return sorted(row[1:] for row in result) == sorted(row[1:] for row in undamaged)
