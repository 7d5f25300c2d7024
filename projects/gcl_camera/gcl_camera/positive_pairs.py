"""PositivePairs: each image of a training set together with a positive of it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from torch import Tensor

from reidgen.datasets.image_files import list_images, read_rgb
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.two_views import TwoViews
from reidgen.registry import DATASETS, build
from reidgen.rng import seed_of

SECONDS = ('same', 'translated')


@DATASETS.register_module()
class PositivePairs(TwoViews):
    """TwoViews whose second view is the image again, translated, or by another camera.

    Both are augmented by the transforms of `dataset`, each with random numbers of its own.

    Args:
        dataset: config of a training set without pose maps; its rows are the rows here.
        second: where the positive comes from. 'same': the image once more, a control without any
            translation. 'translated': a folder with a picture of the same name for each image,
            given later through `read_from`, which TranslatePositivesHook fills and names.
            Or the config of another data set whose records have the same file names, in any order.

    Raises:
        TypeError: `dataset` is none of ReIDDataset, or has pose maps.
        ValueError: an unknown second, names that the second set lacks (the first are listed), or
            two images of one name in a set whose images are found by name.
    """

    def __init__(self, dataset: dict, second: str | dict = 'same'):
        if isinstance(second, str) and second not in SECONDS:
            raise ValueError(
                f"second is '{second}'; known: {', '.join(SECONDS)}, or the config of a data set"
            )
        super().__init__(dataset)
        if second != 'same':
            check_names(self.dataset)
        self.second = second if isinstance(second, str) else 'dataset'
        # of each row, what reads its positives
        self._positives: list[tuple[Callable[[], Tensor], ...]] | None = None
        if self.second == 'dataset':
            other = build(second, DATASETS, 'second')
            check_names(other)
            positives = {
                Path(each.path).name: partial(other.read_image, each) for each in other.records
            }
            self._positives = [(read,) for read in self._matched(positives, other.name)]

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

    def read_second(self, index: int, seed: int) -> Tensor:
        """Positive (3, H, W) uint8 of a row; of several pictures, the seed draws one.

        Raises:
            RuntimeError: the positives have not been translated yet.
        """
        if self.second == 'same':
            return super().read_second(index, seed)
        if self._positives is None:
            raise RuntimeError(
                f'the positives of {self.name} have not been translated yet; add '
                f"dict(type='TranslatePositivesHook') to the hooks, or call read_from([folder])"
            )
        pictures = self._positives[index]
        return pictures[seed_of(seed, 2) % len(pictures)]()


def check_names(dataset: ReIDDataset) -> None:
    """Raises ValueError where two images of a set have one file name."""
    paths: dict[str, str] = {}
    for record in dataset.records:
        name = Path(record.path).name
        if name in paths:
            raise ValueError(
                f'{dataset.name} has {paths[name]} and {record.path}, and positives are found by '
                f'file name; rename one of them'
            )
        paths[name] = record.path
