"""Batch-norm statistics in model files: of the target's images, or of one's own cameras."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import Tensor

from reidgen.datasets.camera_names import camera_names, in_order
from reidgen.datasets.folder import FolderReID
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.scenes import warn_of_scenes
from reidgen.engine.loaders import shuffled_loader, statistics_loader
from reidgen.engine.progress import progress
from reidgen.evaluation.adabn import reestimate_batch_norm
from reidgen.evaluation.camera_statistics import CameraStatistics
from reidgen.models.adversarial import AdversarialModel
from reidgen.registry import DATASETS, build

from .model import open_model
from .model_file import ModelInfo, cast_weights, read_model_file, write_model_file
from .zoo import find_model

FEWEST = 2  # images of a camera: a variance of one is none


def statistics_by_camera(
    model: AdversarialModel,
    dataset: ReIDDataset,
    rows: Mapping[str, Sequence[int]],
    batch_size: int = 128,
    num_workers: int = 0,
) -> CameraStatistics:
    """Batch-norm statistics of a model on a data set's images, camera by camera.

    Args:
        rows: rows of the data set by the name of a camera.

    Raises:
        ValueError: a camera has fewer than two images.
    """
    few = [f'{camera} ({len(own)})' for camera, own in rows.items() if len(own) < FEWEST]
    if few:
        raise ValueError(
            f'batch-norm statistics of a camera need {FEWEST} of its images at least, better 50; '
            f'too few are of {", ".join(few)}: give more, or leave these cameras out'
        )
    cameras = list(rows)

    def images(number: int) -> Iterator[Tensor]:
        camera = cameras[number]
        loader = statistics_loader(dataset, rows[camera], batch_size, num_workers)
        for batch in progress(loader, f'batch norm, camera {camera}'):
            yield model.data_preprocessor(batch).img

    return CameraStatistics.estimated(model, cameras, images)


def rows_by_name(names: Sequence[str]) -> dict[str, list[int]]:
    """Rows of each camera, in the order of the names."""
    return {
        camera: [row for row, name in enumerate(names) if name == camera]
        for camera in in_order(names)
    }


def bake_statistics(
    model: AdversarialModel, cfg: Config, by_camera: bool
) -> CameraStatistics | None:
    """Re-estimates batch-norm statistics on the images that an evaluation would; in place.

    Returns:
        Those by camera, named as in file names, '1', '2', ...; None where they are not wanted.
    """
    name = (cfg.get('val_cfg') or {}).get('adabn')
    loader = (cfg.get('train_dataloader') or {}).get(name)
    if loader is None:
        raise ValueError(
            f'val_cfg.adabn is {name!r}: name the training loader whose images the batch-norm '
            f'statistics are re-estimated on'
        )
    dataset = build(loader['dataset'].to_dict(), DATASETS, f'train_dataloader.{name}.dataset')
    workers, size = loader.get('num_workers', 0), cfg.val_cfg.get('adabn_batch_size', 128)
    statistics = None
    if by_camera:
        names = [str(camid + 1) for camid in dataset.camids.tolist()]
        statistics = statistics_by_camera(model, dataset, rows_by_name(names), size, workers)
    batches = progress(shuffled_loader(dataset, size, workers), 'batch norm')
    reestimate_batch_norm(
        model.retrieval_encoder, (model.data_preprocessor(batch).img for batch in batches)
    )
    return statistics


def write_camera_file(
    model: str | Path,
    folder: str | Path,
    out: str | Path,
    pattern: str | None = None,
    num_workers: int = 0,
) -> ModelInfo:
    """Writes a model file with batch-norm statistics of the cameras of a folder's crops.

    Scores and threshold of the model are left out, as they were measured without.

    Args:
        model: a model file, or the name of a model of reidgen's.
        folder: of crops without labels: a sub-folder is a camera, or `pattern` tells it.
        pattern: regular expression with the group camid, searched in the path below the folder.

    Raises:
        FileNotFoundError, ValueError: as `open_model`; the model has no features, or no batch norm
            in its encoder; no images, a camera that is not known, or too few images of one.
    """
    path = find_model(model)
    info, extractor = open_model(path)
    if not info.dims:
        raise ValueError(f'{info.name} translates images and has no features of them')
    transforms, root = extractor.transforms, Path(folder).absolute()
    dataset = FolderReID(str(root), 'gallery', pattern=None, transforms=transforms, name=root.name)
    warn_of_scenes([record.path for record in dataset.records], folder)
    below = [
        Path(record.path).absolute().relative_to(root).as_posix() for record in dataset.records
    ]
    named = camera_names(below, pattern, f'--cameras {folder}')
    rows = rows_by_name(named)
    counts = ', '.join(f'{camera} ({len(own)} images)' for camera, own in rows.items())
    MMLogger.get_current_instance().info(f'{folder}: cameras {counts}')
    statistics = statistics_by_camera(extractor.model, dataset, rows, num_workers=num_workers)
    info, state = read_model_file(path)
    if info.cameras:
        CameraStatistics.taken_from(info.cameras, state)
    dtype = next(value.dtype for value in state.values() if value.is_floating_point())
    state |= cast_weights(statistics.tensors(), dtype)
    info = replace(info, cameras=statistics.cameras, metrics={}, tested_on='', calibration={})
    write_model_file(out, info, state)
    return info
