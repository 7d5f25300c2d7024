"""Batches of images for a model, of a size that the memory of its device allows."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import torch
from torch import Tensor
from tqdm import tqdm

from reidgen.datasets.pose_maps import build_pose_map
from reidgen.datasets.records import Record
from reidgen.datasets.transforms import Sample, build_transforms
from reidgen.structures import DomainBatch, ImageBatch

from .images import OneImage, to_uint8
from .model_file import ModelInfo

CPU_BATCH, LARGEST_BATCH = 32, 512
BYTES_PER_PIXEL = 2000  # of an image in a forward: ResNet-50 with the last stride removed, float32
THREADS = 8  # that decode images

# (B, 3, H, W) uint8 and maps (B, M, H, W), or None without maps -> (B, ...)
Work: TypeAlias = Callable[[Tensor, Tensor | None], Tensor]


class Batches:
    """Batches of images after the test transforms, decoded by threads while a model works.

    Args:
        info: of the model, with its transforms and pose maps.
        device: of the model.
        size: images at a time; None: by the device's memory.

    Attributes:
        size: as it is now.
    """

    def __init__(self, info: ModelInfo, device: torch.device, size: int | None = None):
        self.device = device
        self.size = size or first_size(device, info.input_size)
        self._transforms = build_transforms(info.transforms)
        self._maps = build_pose_map(info.pose_map or None)

    def run(
        self, images: Sequence[OneImage], work: Work, what: str, progress: bool | None
    ) -> Tensor:
        """Results of `work(img, maps)` on batches, with the next one decoded meanwhile."""
        size, results = self.size, []
        hidden = not progress if progress is not None else (None if len(images) > size else True)
        with (
            ThreadPoolExecutor(THREADS) as pool,
            tqdm(total=len(images), desc=what, unit='image', disable=hidden) as bar,
        ):
            for img, maps in self._decoded(images, size, pool):
                results.append(self._within_memory(work, img, maps))
                bar.update(len(img))
        return torch.cat(results)

    def load(self, images: Sequence[OneImage]) -> tuple[Tensor, Tensor | None]:
        """One batch (B, 3, H, W) uint8 and, where there are maps, (B, M, H, W)."""
        return self._stacked([self._sample(image, place) for place, image in enumerate(images)])

    def _decoded(
        self, images: Sequence[OneImage], size: int, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Batches (B, 3, H, W) uint8 and, where there are maps, (B, M, H, W)."""
        places = [range(at, min(at + size, len(images))) for at in range(0, len(images), size)]

        def submit(rows: range) -> list[Future]:
            return [pool.submit(self._sample, images[row], row) for row in rows]

        coming = submit(places[0])
        for number in range(len(places)):
            samples = [each.result() for each in coming]
            coming = submit(places[number + 1]) if number + 1 < len(places) else []
            yield self._stacked(samples)

    def _stacked(self, samples: Sequence[Sample]) -> tuple[Tensor, Tensor | None]:
        img = torch.stack([sample.img for sample in samples])
        maps = [sample.maps for sample in samples if sample.maps is not None]  # all or none
        return img, torch.cat(maps) if maps else None

    def _sample(self, image: OneImage, place: int) -> Sample:
        img = to_uint8(image, place)
        maps = None
        if self._maps is not None:
            maps = self._maps.load(Record('', -1, -1), 'gallery', None, img)[None]
        sample = Sample(img, maps)
        for transform in self._transforms:
            sample = transform(sample)
        return sample

    def _within_memory(self, work: Work, img: Tensor, maps: Tensor | None) -> Tensor:
        """Result for a batch; halves the size as often as the device's memory asks for it."""
        while True:
            size = self.size
            images = img.split(size)
            parts = [None] * len(images) if maps is None else maps.split(size)
            try:
                return torch.cat([work(*part) for part in zip(images, parts)])
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if size == 1:
                    raise RuntimeError(
                        f'the memory of {self.device} does not suffice for one image; end other '
                        f"programs on it, or load the model with device='cpu'"
                    ) from error
            self.size = size // 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def first_size(device: torch.device, input_size: Sequence[int]) -> int:
    """Images at a time that half of a GPU's free memory takes; 32 on a CPU."""
    if device.type != 'cuda':
        return CPU_BATCH
    free, _ = torch.cuda.mem_get_info(device)
    height, width = input_size
    fitting = int(free / 2 / (BYTES_PER_PIXEL * height * width))
    return min(LARGEST_BATCH, 2 ** max(0, fitting.bit_length() - 1))


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error is of a device, or of the CPU, whose memory does not suffice."""
    return isinstance(error, torch.OutOfMemoryError) or 'DefaultCPUAllocator' in str(error)


def as_batch(img: Tensor, maps: Tensor | None) -> ImageBatch | DomainBatch:
    """Batch of unknown persons, as a loader gives it."""
    unknown = torch.full((len(img),), -1)
    if maps is None:
        return ImageBatch(img, unknown, unknown, unknown)
    return DomainBatch(img, maps, maps, unknown, unknown, unknown)
