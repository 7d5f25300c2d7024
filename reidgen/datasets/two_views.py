"""TwoViews: each image of a training set with a second view that no generator made."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from reidgen.datasets.pose_maps import checked_views
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.transforms import Sample, Transform, build_transforms, transformed
from reidgen.registry import DATASETS, build
from reidgen.rng import seed_of
from reidgen.structures import SeededIndex, TwoViewBatch


@DATASETS.register_module()
class TwoViews(Dataset):
    """Pairs of an image and a second view of the same person, for a memory's contrast.

    The first view is augmented as in `dataset`. The second is the same picture under transforms of
    its own; or, where the set can be rendered again, the person turned about the vertical axis in
    the same scene, pose and light: what a perfect generator of views would give.

    Args:
        dataset: config of a training set without pose maps; its rows are the rows here.
        transforms: configs of the second view's transforms; None: those of `dataset`, drawn anew.
        turns: degrees, of which one is drawn for each second view; empty: the picture itself.

    Raises:
        TypeError: `dataset` is none of ReIDDataset or has pose maps, or turns are asked of a set
            that cannot be rendered again.
        ValueError: a turn that is no whole degree in 0..359, or one given twice.
    """

    def __init__(
        self,
        dataset: dict,
        transforms: Sequence[dict] | None = None,
        turns: Sequence[int] = (),
    ):
        self.dataset = build(dataset, DATASETS, 'dataset')
        if not isinstance(self.dataset, ReIDDataset) or self.dataset.pose_map is not None:
            raise TypeError(
                f'{type(self).__name__} pairs plain images, but its dataset is {dataset}; give a '
                f'ReIDDataset without pose_map'
            )
        self.turns = checked_views(turns)
        if self.turns and not hasattr(self.dataset, 'read_turned'):
            raise TypeError(
                f'TwoViews has turns={list(turns)}, but {type(self.dataset).__name__} holds '
                f'pictures that cannot be rendered again; use SyntheticReID or ShapesReID, or '
                f'leave turns out'
            )
        self.transforms: list[Transform] = (
            self.dataset.transforms if transforms is None else build_transforms(transforms)
        )

    # what hooks and checks ask of a training set
    @property
    def name(self) -> str:
        return self.dataset.name

    @property
    def records(self) -> list[Record]:
        return self.dataset.records

    @property
    def pids(self) -> Tensor:
        return self.dataset.pids

    @property
    def camids(self) -> Tensor:
        return self.dataset.camids

    @property
    def num_identities(self) -> int:
        return self.dataset.num_identities

    def plain(self, maps: bool = False) -> ReIDDataset:
        """The images alone, nothing random; `maps` is there as they have none."""
        return self.dataset.plain()

    def read_image(self, record: Record) -> Tensor:
        """Image (3, H, W) uint8 of the first view."""
        return self.dataset.read_image(record)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, item: int | SeededIndex) -> TwoViewBatch:
        """One pair: uint8 tensors without batch dimension, and ints, for default_collate."""
        index, seed = item if isinstance(item, SeededIndex) else (int(item), int(item))
        first = self.dataset[SeededIndex(index, seed)]
        second = transformed(
            lambda: Sample(self.read_second(index, seed)), self.transforms, seed_of(seed, 1)
        )
        return TwoViewBatch(first.img, second.img, first.pid, first.camid, first.index)

    def read_second(self, index: int, seed: int) -> Tensor:
        """Second view (3, H, W) uint8 of a row before its transforms.

        Args:
            seed: of the pair; turns are drawn from torch's global generator, as transforms draw.
        """
        record = self.dataset.records[index]
        if not self.turns:
            return self.dataset.read_image(record)
        return self.dataset.read_turned(record, self.turns[torch.randint(len(self.turns), ())])
