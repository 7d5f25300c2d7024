"""Batch-norm statistics of an encoder by camera, kept to embed images of those cameras later.

Zhuang et al., "Rethinking the distribution gap of person re-identification with camera-based batch
normalization", ECCV 2020.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .adabn import adapted_batch_norm

BUFFERS = ('running_mean', 'running_var')
PREFIX = 'camera_statistics'  # of tensors in files: PREFIX.NUMBER.LAYER.running_mean


class CameraStatistics:
    """Batch-norm statistics for each of some cameras.

    Args:
        cameras: names, each once.
        statistics: of each camera, (C,) tensors by the model's buffer name.

    Raises:
        ValueError: not as many statistics as cameras, or a name that is there twice.
    """

    def __init__(self, cameras: Sequence[str], statistics: Sequence[dict[str, Tensor]]):
        self.cameras, self.statistics = list(cameras), list(statistics)
        if len(self.cameras) != len(self.statistics) or len(set(cameras)) < len(cameras):
            raise ValueError(
                f'{len(self.statistics)} statistics for the cameras {", ".join(cameras)}; each '
                f'camera has one name and one set of statistics'
            )

    @classmethod
    def estimated(
        cls, model: nn.Module, cameras: Sequence[str], images: Callable[[int], Iterable[Tensor]]
    ) -> 'CameraStatistics':
        """Statistics of `model.retrieval_encoder`, which is left as it was.

        Args:
            cameras: names.
            images: number of a camera -> batches (B, 3, H, W) of its images, normalised, on the
                model's device.

        Raises:
            ValueError: as `reestimate_batch_norm`.
        """
        found = []
        for number in range(len(cameras)):
            with adapted_batch_norm(_encoder(model), images(number)):
                found.append(
                    {name: buffer.detach().cpu().clone() for name, buffer in _buffers(model)}
                )
        return cls(cameras, found)

    @classmethod
    def taken_from(cls, cameras: Sequence[str], state: dict[str, Tensor]) -> 'CameraStatistics':
        """Statistics among the tensors of a file, which are taken out of `state`."""
        found: list[dict[str, Tensor]] = [{} for _ in cameras]
        for key in [key for key in state if key.startswith(f'{PREFIX}.')]:
            _, number, name = key.split('.', 2)
            if not number.isdigit() or int(number) >= len(found):
                raise ValueError(
                    f'{key} is of none of the cameras {", ".join(cameras) or "(none)"}'
                )
            found[int(number)][name] = state.pop(key)
        return cls(cameras, found)

    def tensors(self) -> dict[str, Tensor]:
        """Tensors for a file."""
        return {
            f'{PREFIX}.{number}.{name}': value
            for number, statistics in enumerate(self.statistics)
            for name, value in statistics.items()
        }

    @torch.no_grad()
    def use(self, model: nn.Module, camera: int) -> None:
        """Gives the encoder the statistics of a camera by its number, in place.

        Raises:
            ValueError: they are of another network.
        """
        buffers, given = dict(_buffers(model)), self.statistics[camera]
        if {k: x.shape for k, x in buffers.items()} != {k: x.shape for k, x in given.items()}:
            raise ValueError(
                f'statistics of the camera {self.cameras[camera]} are not those of the batch norms '
                f'of {type(model).__name__}; export the model file again'
            )
        for name, buffer in buffers.items():
            buffer.copy_(given[name])

    @contextmanager
    def used(self, model: nn.Module, camera: int) -> Iterator[None]:
        """Context in which the encoder has the statistics of a camera; see `use`."""
        before = [(buffer, buffer.clone()) for _, buffer in _buffers(model)]
        self.use(model, camera)
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, own in before:
                    buffer.copy_(own)

    def number_of(self, camera: str) -> int:
        """Number of a camera.

        Raises:
            ValueError: it is none of the cameras.
        """
        if camera not in self.cameras:
            raise ValueError(
                f"the model has no batch-norm statistics of the camera '{camera}', but of "
                f'{", ".join(self.cameras)}; give one of these, or write a file with its '
                f'statistics: `reidgen export MODEL --cameras FOLDER --out FILE`'
            )
        return self.cameras.index(camera)

    def groups(self, camera: str | Sequence[str], num: int) -> list[tuple[int, list[int]]]:
        """Numbers of cameras, each with the rows of its images.

        Args:
            camera: name of all images' camera, or names of each.
            num: images.

        Raises:
            ValueError: a name of no camera, or not as many names as images.
        """
        names = [camera] * num if isinstance(camera, str) else list(camera)
        if len(names) != num:
            raise ValueError(f'{len(names)} cameras for {num} images; give one, or one each')
        numbers = [self.number_of(name) for name in names]
        return [
            (number, [row for row in range(num) if numbers[row] == number])
            for number in sorted(set(numbers))
        ]


def _encoder(model: nn.Module) -> nn.Module:
    encoder = model.retrieval_encoder
    assert isinstance(encoder, nn.Module), type(encoder)
    return encoder


def _buffers(model: nn.Module) -> list[tuple[str, Tensor]]:
    """Means and variances of the retrieval encoder's batch norms by the model's names."""
    layers = {
        layer
        for layer in _encoder(model).modules()
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None
    }
    return [
        (f'{name}.{buffer}', getattr(layer, buffer))
        for name, layer in model.named_modules()
        if layer in layers
        for buffer in BUFFERS
    ]
