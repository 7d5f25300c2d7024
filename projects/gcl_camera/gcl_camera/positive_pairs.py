"""PositivePairs: each image of a training set together with a positive of it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import Tensor
from torch.utils.data import Dataset

from reidgen.datasets.image_files import list_images, read_rgb
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.registry import DATASETS, build
from reidgen.rng import seed_of
from reidgen.structures import SeededIndex

SECONDS = ('same', 'translated')


class PositivePair(NamedTuple):
    """Two images of the same person, for a memory: an image, and what is contrasted with it."""

    img: Tensor  # (B, 3, H, W) float32, ImageNet-normalised
    positive: Tensor  # (B, 3, H, W) likewise: the image again, translated, or by another camera
    pid: Tensor  # (B,) int64 identity; -1 where the domain is unlabelled
    camid: Tensor  # (B,) int64 camera of img, from 0
    index: Tensor  # (B,) int64 row in the sorted training list: the key into the FeatureBank


@DATASETS.register_module()
class PositivePairs(Dataset):
    """Pairs for a memory's loss: the image itself, and another image of the same person.

    Both are augmented by the transforms of `dataset`, each with random numbers of its own.

    Args:
        dataset: config of a training set without pose maps; its rows are the rows here.
        second: where the positive comes from. 'same': the image once more, a control without any
            translation. 'translated': a folder with a picture of the same name for each image,
            given later through `read_from`, which TranslatePositivesHook fills and names.
            Or the config of another data set whose records have the same file names, in any order.

    Raises:
        TypeError: `dataset` is none of ReIDDataset, or has pose maps.
        ValueError: an unknown second, or names that the second set lacks (the first are listed).
    """

    def __init__(self, dataset: dict, second: str | dict = 'same'):
        if isinstance(second, str) and second not in SECONDS:
            raise ValueError(
                f"second is '{second}'; known: {', '.join(SECONDS)}, or the config of a data set"
            )
        self.dataset = build(dataset, DATASETS)
        if not isinstance(self.dataset, ReIDDataset) or self.dataset.pose_map is not None:
            raise TypeError(
                f'PositivePairs pairs plain images, but its dataset is {dataset}; give a '
                f'ReIDDataset without pose_map'
            )
        self.second = second if isinstance(second, str) else 'dataset'
        # of each row, what reads its positives
        self._positives: list[tuple[Callable[[], Tensor], ...]] | None = None
        if self.second == 'dataset':
            other = build(second, DATASETS)
            positives = {
                Path(each.path).name: partial(other.read_image, each) for each in other.records
            }
            self._positives = [(read,) for read in self._matched(positives, other.name)]

    # what hooks and checks ask of a training set
    @property
    def name(self) -> str:
        return self.dataset.name

    @property
    def pids(self):
        return self.dataset.pids

    @property
    def camids(self):
        return self.dataset.camids

    @property
    def num_identities(self) -> int:
        return self.dataset.num_identities

    def plain(self) -> ReIDDataset:
        """The images alone, nothing random."""
        return self.dataset.plain()

    def read_from(self, folders: Sequence[str | Path]) -> None:
        """Takes the positives from folders, each with a picture of the same name for each image.

        Of an image's pictures, one is drawn each time.

        Raises:
            FileNotFoundError: there is no such folder, or no image in it.
            ValueError: some pictures are missing; the first are named.
        """
        positives = [
            self._matched(
                {path.name: partial(read_rgb, path) for path in list_images(Path(folder))},
                str(folder),
            )
            for folder in folders
        ]
        self._positives = list(zip(*positives))

    def _matched(
        self, positives: dict[str, Callable[[], Tensor]], where: str
    ) -> list[Callable[[], Tensor]]:
        names = [Path(record.path).name for record in self.dataset.records]
        missing = [name for name in names if name not in positives]
        if missing:
            raise ValueError(
                f'{where} has no positive for {len(missing)} of {len(names)} images of '
                f'{self.name}: {", ".join(missing[:5])}; both must have the same file names'
            )
        return [positives[name] for name in names]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, item: int | SeededIndex) -> PositivePair:
        """One pair: uint8 tensors without batch dimension, and ints, for default_collate."""
        index, seed = item if isinstance(item, SeededIndex) else (int(item), int(item))
        first = self.dataset[SeededIndex(index, seed)]
        other = SeededIndex(index, seed_of(seed, 1))
        if self.second == 'same':
            positive = self.dataset[other].img
        elif self._positives is None:
            raise RuntimeError(
                f'the positives of {self.name} have not been translated yet; add '
                f"dict(type='TranslatePositivesHook') to the hooks, or call read_from([folder])"
            )
        else:
            pictures = self._positives[index]
            picture = pictures[seed_of(seed, 2) % len(pictures)]()
            positive = self.dataset.augment(picture, other.seed)
        return PositivePair(first.img, positive, first.pid, first.camid, first.index)
