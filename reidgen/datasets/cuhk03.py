"""CUHK03 (Li et al., CVPR 2014) under the new protocol of Zhong et al., CVPR 2017."""

from pathlib import Path
from typing import Any

from reidgen.datasets import market_layout
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.roots import Roots, as_places
from reidgen.registry import DATASETS

PUBLISHED = {
    'detected': {'train': (767, 7365), 'query': (700, 1400), 'gallery': (700, 5332)},
    'labeled': {'train': (767, 7368), 'query': (700, 1400), 'gallery': (700, 5328)},
}


@DATASETS.register_module()
class CUHK03(ReIDDataset):
    """CUHK03-NP: 767 persons train, 700 test, two views as cameras.

    Read are the images of the new protocol in the layout of Market-1501, such as
    detected/bounding_box_train/0001_c1_1.png, which its authors give beside their code; the .mat
    file of the first release is not read.

    Args:
        boxes: 'detected' (by a pedestrian detector) or 'labeled' (by hand): the folder below root.
    """

    name = 'cuhk03'
    inner = ('cuhk03-np', 'CUHK03-NP')
    folders = tuple(f'{boxes}/{folder}' for boxes in PUBLISHED for folder in market_layout.NEEDED)
    camera_range = (1, 2)

    def __init__(self, *args: Any, boxes: str = 'detected', **kwargs: Any):
        if boxes not in PUBLISHED:
            raise ValueError(f"boxes is '{boxes}'; it must be one of {', '.join(PUBLISHED)}")
        self.boxes = boxes
        self.published = PUBLISHED[boxes]
        super().__init__(*args, **kwargs)

    def find_root(self, root: Roots) -> Path:
        for place in as_places(root):
            if place.suffix == '.mat' and place.is_file():
                raise self._not_converted(place)
        found = super().find_root(root)
        if not (found / self.boxes).is_dir():
            for release in sorted([*found.glob('*.mat'), *found.glob('*/*.mat')]):
                raise self._not_converted(release)
        return found

    def _not_converted(self, release: Path) -> ValueError:
        return ValueError(
            f'{release} is of the first release of CUHK03, which is not read; read are images such '
            f'as {self.boxes}/bounding_box_train/0001_c1_1.png below root. Get CUHK03-NP from '
            f'https://github.com/zhunzhong07/person-re-ranking (folder CUHK03-NP), unpack it, and '
            f'set root to the folder that holds {" and ".join(PUBLISHED)}; or convert the release '
            f'with the command prepare'
        )

    def read_split(self, split: str) -> list[Record]:
        return self.count_left_out(*market_layout.read_market_split(self.root / self.boxes, split))
