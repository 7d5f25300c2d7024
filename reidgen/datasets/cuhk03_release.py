"""The .mat file of CUHK03's first release (Li et al., CVPR 2014), as images of the new protocol.

`cuhk-03.mat` is HDF5: `detected` and `labeled` are lists of five pairs of cameras, each a cell of
persons x 10 images, the first five by one camera of the pair, the others by the other. The new
protocol (Zhong et al., CVPR 2017) is a .mat file for each: `filelist` with names such as
1_001_2_06.png (pair, person, view, place; all from 1), `labels`, and rows `train_idx`, `query_idx`
and `gallery_idx`, from 1.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import loadmat

from reidgen.datasets.market_layout import FOLDERS

BOXES = ('detected', 'labeled')
PROTOCOL = 'cuhk03_new_protocol_config_{boxes}.mat'
ROWS = {'train': 'train_idx', 'query': 'query_idx', 'gallery': 'gallery_idx'}


def write_cuhk03(release: Path, protocol: str | Path | None, out: Path) -> None:
    """Writes `detected` and `labeled`, each in the layout of Market-1501, as PNG.

    Args:
        release: cuhk-03.mat.
        protocol: folder with the two files of the new protocol.

    Raises:
        FileNotFoundError: a file of the protocol is missing, or no folder was given.
        ModuleNotFoundError: h5py is not installed.
        ValueError: an image of the protocol is not in the release.
    """
    configs = {boxes: _config(protocol, boxes) for boxes in BOXES}
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{release} is HDF5: pip install h5py, or pip install -e '.[cuhk03]'"
        ) from error
    with h5py.File(release) as file:
        for boxes, config in configs.items():
            wanted = dict(_wanted(config, out / boxes))
            for folder in {path.parent for path in wanted.values()}:
                folder.mkdir(parents=True)
            for name, pixels in _images(file, boxes):
                if name in wanted:
                    Image.fromarray(pixels).save(wanted.pop(name))
            if wanted:
                raise ValueError(
                    f'{len(wanted)} images of the new protocol are not among {boxes} of {release}, '
                    f'such as {next(iter(wanted))}: is the file complete?'
                )


def _config(protocol: str | Path | None, boxes: str) -> dict[str, Any]:
    name = PROTOCOL.format(boxes=boxes)
    path = Path(protocol or '.', name)
    if not path.is_file():
        raise FileNotFoundError(
            f'CUHK03 needs its new protocol, {name}: get it from '
            f'https://github.com/zhunzhong07/person-re-ranking (evaluation/data/CUHK03) and give '
            f'its folder as --protocol'
        )
    return loadmat(path)


def _wanted(config: dict[str, Any], out: Path) -> Iterator[tuple[str, Path]]:
    """Name in the release, and the path to write, of each image of the protocol."""
    names = [str(np.ravel(each)[0]) for each in config['filelist'].ravel()]
    labels = config['labels'].ravel()
    for part, key in ROWS.items():
        for number, row in enumerate(config[key].ravel().astype(int) - 1):
            _, _, view, _ = names[row].split('_')
            name = f'{int(labels[row]):04d}_c{view}_{number:05d}.png'
            yield names[row], out / FOLDERS[part] / name


def _images(file: Any, boxes: str) -> Iterator[tuple[str, np.ndarray]]:
    """Name and pixels (H, W, 3) uint8 of each image of the release."""
    for pair, reference in enumerate(file[boxes][0], start=1):
        cell = file[reference]  # 10 x persons, as HDF5 has MATLAB's axes the other way round
        for person in range(cell.shape[1]):
            for place in range(cell.shape[0]):
                pixels = file[cell[place, person]]
                if pixels.ndim != 3:
                    continue  # an empty place
                name = f'{pair}_{person + 1:03d}_{1 + place // 5}_{place + 1:02d}.png'
                yield name, np.ascontiguousarray(np.transpose(pixels[()], (2, 1, 0)))
