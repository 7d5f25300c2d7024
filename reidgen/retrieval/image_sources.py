"""Image sources for extraction: a folder, a file, or a data set of the config."""

import re
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from torch import Tensor

from reidgen.datasets.camera_names import ONE, camera_names, in_order
from reidgen.datasets.folder import FolderReID
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import SPLITS, ReIDDataset
from reidgen.datasets.roots import Roots
from reidgen.datasets.scenes import warn_of_scenes
from reidgen.evaluation.camera_statistics import CameraStatistics
from reidgen.registry import DATASETS, build


class FolderImages(FolderReID):
    """Folder data set whose errors about unreadable images name --skip-corrupt."""

    def read_image(self, record: Record) -> Tensor:
        try:
            return super().read_image(record)
        except OSError as error:
            raise OSError(
                f'{error}, or leave out what cannot be read: --skip-corrupt (skip_corrupt=True)'
            ) from error


class ImageFile(FolderReID):
    """Data set of one image file; `root` is its path."""

    def find_root(self, root: Roots) -> Path:
        self._file = Path(str(root))
        return self._file.parent

    def read_split(self, split: str) -> list[Record]:
        return [self._from_name(self._file)]


def open_images(
    path: str | Path,
    transforms: Sequence[dict],
    pattern: str | None = None,
    skip_corrupt: bool = False,
    statistics: CameraStatistics | None = None,
    camera: str | None = None,
) -> ReIDDataset:
    """Data set of all images below a folder, or of one image; unknown pid and camid are -1.

    Scenes in the place of crops are told in a warning.

    Args:
        path: of the folder or file.
        transforms: configs, see `FeatureExtractor.transforms`.
        pattern: of labels in file names, see FolderReID; None: no labels.
        skip_corrupt: decode every file first and leave out the damaged ones with a warning; if not,
            a damaged file ends the extraction, which can be continued.
        statistics: of a model whose batch-norm statistics are by camera: camids are then the
            numbers of its cameras, whose names a pattern with the group camid finds, or else the
            first sub-folder below `path`.
        camera: name of the camera of all images, then.

    Raises:
        FileNotFoundError: no such path, or a folder without images.
        ValueError: a file name does not fit the pattern; a camera of which the model has no
            statistics, or a camera for a model without statistics by camera.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f'no folder or image {path} (relative paths start at {Path.cwd()})')
    kind = ImageFile if Path(path).is_file() else FolderImages
    dataset = kind(
        str(path),
        'gallery',
        pattern=pattern,
        transforms=transforms,
        skip_corrupt=skip_corrupt,
        check_images=skip_corrupt,
        name=Path(path).name,
    )
    warn_of_scenes([record.path for record in dataset.records], path)
    if statistics is not None:
        dataset.records = _numbered(dataset, Path(path), statistics, pattern, camera)
        return dataset
    if camera is not None:
        raise ValueError(
            f"the camera '{camera}' is given, and the model has no batch-norm statistics by "
            f'camera; leave it out, or give a model file that has: `reidgen export MODEL --cameras '
            f'FOLDER --out FILE`'
        )
    if pattern is None or 'camid' not in re.compile(pattern).groupindex:
        dataset.records = [record._replace(camid=-1) for record in dataset.records]
    return dataset


def _numbered(
    dataset: ReIDDataset,
    path: Path,
    statistics: CameraStatistics,
    pattern: str | None,
    camera: str | None,
) -> list[Record]:
    """Records with the numbers of the model's cameras."""
    records = dataset.records
    if camera is not None:
        return [record._replace(camid=statistics.number_of(camera)) for record in records]
    root = path.absolute() if path.is_dir() else path.absolute().parent
    below = [Path(record.path).absolute().relative_to(root).as_posix() for record in records]
    tells = pattern is not None and 'camid' in re.compile(pattern).groupindex
    names = camera_names(below, pattern if tells else None, str(path), '--camera or --pattern')
    number = {ONE: -1} if names[0] == ONE and ONE not in statistics.cameras else {}
    number |= {name: statistics.number_of(name) for name in in_order(names) if name not in number}
    return [record._replace(camid=number[name]) for record, name in zip(records, names)]


def open_dataset(cfg: Config, name_and_split: str, transforms: Sequence[dict]) -> ReIDDataset:
    """Data set of a config's top level, such as `market1501` or `source`.

    Args:
        name_and_split: 'market1501/gallery'; the split is one of ReIDDataset's.
        transforms: in place of those of the config.

    Raises:
        ValueError: no data set of that name, or no such split; the known ones are listed.
    """
    name, _, split = name_and_split.partition('/')
    known = sorted(key for key in cfg if _is_dataset(cfg[key]))
    if name not in known or split not in SPLITS:
        raise ValueError(
            f"'{name_and_split}' is not NAME/SPLIT of this config; data sets: "
            f'{", ".join(known) or "none"}; splits: {", ".join(SPLITS)}'
        )
    settings = cfg[name].to_dict()
    settings = {k: v for k, v in settings.items() if k not in ('pose_map', 'transforms')}
    return build(dict(settings, split=split, transforms=list(transforms)), DATASETS)


def _is_dataset(value: object) -> bool:
    kind = value.get('type') if isinstance(value, dict) else None
    DATASETS.import_from_location()
    return isinstance(kind, str) and kind in DATASETS.module_dict
