"""RenderedFaces: the rendered faces with their true frontal ones, as pairs and as real faces."""

from pathlib import Path
from typing import Any

from reidgen.choices import one_of
from reidgen.datasets import SyntheticFaces
from reidgen.datasets.image_files import scan_images
from reidgen.datasets.records import Record
from reidgen.datasets.roots import Roots
from reidgen.registry import DATASETS
from reidgen.synthetic.faces import TRUTH_FOLDER, TRUTH_YAW

PARTS = ('all', 'frontal')


@DATASETS.register_module()
class RenderedFaces(SyntheticFaces):
    """SyntheticFaces for FrontalPairs and for the real faces of a discriminator.

    The truth of a face is its person's true frontal face: neutral, under one fixed light, before a
    grey wall. There is no frontal face of every face's own light.

    Args:
        size, root, split, options: of SyntheticFaces.
        part: 'all' faces, or of a training split the 'frontal' ones alone: the true frontal faces
            of the training persons, one each.

    Raises:
        OSError, ValueError: as SyntheticFaces; or 'frontal' is asked of a test split, whose true
            frontal faces are the split 'gallery'.
    """

    def __init__(
        self,
        size: str = 'base',
        root: Roots = 'data/synthetic',
        split: str = 'train',
        *,
        part: str = 'all',
        **options: Any,
    ):
        self.part = one_of(part, PARTS, 'part')
        if part == 'frontal' and split != 'train':
            raise ValueError(
                f"part is 'frontal', which chooses training faces, but split is {split!r}; the "
                f"true frontal faces of the test persons are split='gallery'"
            )
        super().__init__(size, root, split, **options)

    def read_split(self, split: str) -> list[Record]:
        if self.part == 'all':
            return super().read_split(split)
        paths, left_out = scan_images(Path(self.root) / TRUTH_FOLDER)
        records = [Record(str(path), int(path.name[:4]), TRUTH_YAW) for path in sorted(paths)]
        return self.count_left_out(records, left_out)

    def frontals(self, record: Record, mode: str) -> list[str]:
        """Path of the true frontal face of a record's person.

        Raises:
            ValueError: a mode other than 'fixed07', the one fixed light.
        """
        if mode != 'fixed07':
            raise ValueError(
                f'gt_mode is {mode!r}, but rendered faces have one true frontal face each, under a '
                f"light of its own; set gt_mode='fixed07'"
            )
        return [record.path] if self.part == 'frontal' else [self._face(record).truth]
