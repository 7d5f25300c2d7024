"""FeatureExtractor: a trained encoder with its config's test transforms."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from reidgen.checkpoint import load_for_evaluation, read_weights
from reidgen.command_line import find_config
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.engine.config import (
    drop_pretrained,
    load_config,
    test_transforms,
    without_weights,
)
from reidgen.engine.loading import recalibrated_by, unloaded_model
from reidgen.evaluation.camera_statistics import CameraStatistics
from reidgen.evaluation.labels import check_finite
from reidgen.files import sha256_of
from reidgen.structures import DomainBatch, ImageBatch

from .manifest import EncoderInfo

UNIT_WITHIN = 1e-3  # of length 1, what a row's may differ


class FeatureExtractor:
    """Extractor of L2-normalised features, equal to those of `reidgen test`.

    Args:
        config: the Python config it was trained with.
        checkpoint: a .pth or .safetensors file of the model, or of what `embed` evaluates alone.
        cfg_options: dotted keys and values that override the config.
        amp: bfloat16 autocast.
        device: by default a GPU where there is one.

    Attributes:
        cfg: the config.
        transforms: configs of the test transforms: those of its first validation loader; without
            evaluation, `test_transforms` of the config.
        info: what made the features, for the manifest of a store.
        statistics: batch-norm statistics by camera of a model file that has them; None: the
            encoder's own for every image.

    Raises:
        FileNotFoundError, ValueError: no config or checkpoint, or they do not fit; the config has
            no test transforms, or its evaluation adapts the model to training images.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        cfg_options: dict[str, Any] | None = None,
        amp: bool = False,
        device: str | torch.device | None = None,
    ):
        self.cfg = load_config(config, cfg_options)
        transforms = test_transforms(self.cfg, config)
        drop_pretrained(self.cfg)
        settings = self.cfg.model.to_dict()
        self._check_statistics(config)
        self._build(
            str(find_config(config).absolute()), checkpoint, settings, transforms, amp, device
        )

    @classmethod
    def from_info(
        cls,
        info: EncoderInfo,
        checkpoint: str | Path | None = None,
        device: str | torch.device | None = None,
    ) -> 'FeatureExtractor':
        """Extractor of a store's manifest, which may be anybody's: no config file is run, and only
        registered names are built.

        Args:
            info: of the manifest; has no `cfg` for the extractor.
            checkpoint: None: where the manifest says.

        Raises:
            FileNotFoundError, ValueError: no checkpoint or it does not fit; `type` that is an
                import path, or a name that nothing imported so far has registered.
        """
        check_types(info.model, 'model')
        check_types(info.transforms, 'transforms')
        self = cls.__new__(cls)
        self.cfg = None
        self._build(
            info.config,
            checkpoint or info.checkpoint,
            without_weights(info.model),
            info.transforms,
            info.amp,
            device,
            info.cameras,
        )
        return self

    def _build(
        self,
        config: str,
        checkpoint: str | Path,
        settings: dict,
        transforms: list[dict],
        amp: bool,
        device: str | torch.device | None,
        cameras: Sequence[str] = (),
    ) -> None:
        weights = read_weights(checkpoint)
        self.statistics = None
        if cameras:
            self.statistics = CameraStatistics.taken_from(cameras, weights[0])
        self.transforms = transforms
        self.info = EncoderInfo(
            config=config,
            checkpoint=str(Path(checkpoint).expanduser().absolute()),
            checkpoint_sha256=sha256_of(Path(checkpoint).expanduser()),
            model=plain(settings),
            transforms=plain(transforms),
            amp=amp,
            cameras=list(cameras),
        )
        self.model = unloaded_model(settings)
        load_for_evaluation(self.model, *weights)
        self.model.amp = amp
        self.model.to(device or get_device()).eval()

    def embed(self, batch: ImageBatch | DomainBatch, camera: int | None = None) -> Tensor:
        """Unit features (B, D) float32 on the CPU, of a batch from a loader.

        Args:
            camera: number of the batch's camera, where batch-norm statistics are by camera.

        Raises:
            ValueError: features are not (B, D) or not of unit length; no camera, where it matters.
        """
        with self._statistics_of(camera):
            features = self.model.val_step(batch).cpu()
        if features.ndim != 2 or len(features) != len(batch.img):
            raise ValueError(
                f'{type(self.model).__name__} made features of shape {tuple(features.shape)} from '
                f'{len(batch.img)} images; its `embed` must return one row (B, D) each'
            )
        lengths = features.norm(dim=1)
        if ((lengths - 1).abs() > UNIT_WITHIN).any():
            raise ValueError(
                f'{type(self.model).__name__} made rows of length {lengths.min():.4f} to '
                f'{lengths.max():.4f}; its `embed` must L2-normalise them'
            )
        return features

    def use_camera(self, camera: int | None) -> None:
        """Gives the encoder the batch-norm statistics of a camera for good, where they are by
        camera.

        Raises:
            ValueError: the camera's number is not known.
        """
        if self.statistics is not None:
            self.statistics.use(self.model, self._known(camera))

    def _statistics_of(self, camera: int | None) -> AbstractContextManager[None]:
        if self.statistics is None:
            return nullcontext()
        return self.statistics.used(self.model, self._known(camera))

    def _known(self, camera: int | None) -> int:
        assert self.statistics is not None
        if camera is None or not 0 <= camera < len(self.statistics.cameras):
            raise ValueError(
                f'the camera of images is not known, and the model has batch-norm statistics by '
                f'camera: {", ".join(self.statistics.cameras)}; say which it is: camera=NAME, on '
                f'the command line --camera NAME, or --pattern and sub-folders where they are read'
            )
        return camera

    def batches(
        self, dataset: ReIDDataset, batches: Sequence[Sequence[int]], num_workers: int = 0
    ) -> Iterator[Tensor]:
        """Features (B, D) of each batch of rows, in order, without augmentation and pose maps.

        Raises:
            ValueError: NaN or Inf among the features; names the images.
            OSError: an image cannot be read; names it.
        """
        loader = DataLoader(
            dataset.plain(),
            batch_sampler=batches,  # type: ignore[arg-type]  # torch's asks for lists, takes more
            num_workers=num_workers,
            collate_fn=default_collate,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator().manual_seed(0),  # the global one is left alone
        )
        for rows, batch in zip(batches, loader):
            camids = torch.tensor([dataset.records[row].camid for row in rows])
            features = self._embed_by_camera(batch, camids)
            check_finite(features, 'image', [dataset.records[row].path for row in rows])
            yield features

    def _embed_by_camera(self, batch: ImageBatch, camids: Tensor) -> Tensor:
        if self.statistics is None:
            return self.embed(batch)
        found = []
        for camera in camids.unique().tolist():
            rows = torch.nonzero(camids == camera)[:, 0]
            found.append((rows, self.embed(ImageBatch(*(field[rows] for field in batch)), camera)))
        features = torch.empty(len(camids), found[0][1].shape[1])
        for rows, part in found:
            features[rows] = part
        return features

    def _check_statistics(self, config: str | Path) -> None:
        where = recalibrated_by(self.cfg)
        if where is not None:
            other = {'model.bn_mode': 'mixed', 'val_cfg.recalibrate': False}[where[0]]
            raise ValueError(
                f'{config} has {where[0]}={where[1]!r}: batch-norm statistics are re-estimated on '
                f'training images at each evaluation, so features are not a function of image and '
                f'checkpoint; write a model file, which keeps them (`reidgen export {config} '
                f'CHECKPOINT --out FILE`), or give {where[0]}={other} in --cfg-options to take the '
                f'statistics of the checkpoint'
            )


def plain(settings: Any) -> Any:
    """Settings as JSON keeps them: tuples are lists, a class is its import path."""
    return json.loads(
        json.dumps(settings, default=lambda kind: f'{kind.__module__}.{kind.__qualname__}')
    )


def check_types(settings: Any, place: str) -> None:
    """Raises ValueError where a `type` is an import path: building it would run a module's code."""
    if isinstance(settings, dict):
        kind = settings.get('type')
        if isinstance(kind, str) and '.' in kind:
            raise ValueError(
                f"{place}.type is '{kind}', an import path, which a manifest may not name; only "
                f'names that are registered'
            )
        for key, value in settings.items():
            check_types(value, f'{place}.{key}')
    elif isinstance(settings, list):
        for number, value in enumerate(settings):
            check_types(value, f'{place}.{number}')
