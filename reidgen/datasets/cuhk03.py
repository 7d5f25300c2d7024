"""CUHK03 (Li et al., CVPR 2014) under the new protocol of Zhong et al., CVPR 2017."""

from reidgen.datasets import market_layout
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.registry import DATASETS

PUBLISHED = {
    'detected': {'train': (767, 7365), 'query': (700, 1400), 'gallery': (700, 5332)},
    'labeled': {'train': (767, 7368), 'query': (700, 1400), 'gallery': (700, 5328)},
}


@DATASETS.register_module()
class CUHK03(ReIDDataset):
    """CUHK03-NP: 767 persons train, 700 test, two views as cameras.

    Args:
        boxes: 'detected' (by a pedestrian detector) or 'labeled' (by hand): the folder below root.
    """

    name = 'cuhk03'
    inner = ('cuhk03-np', 'CUHK03-NP')
    folders = tuple(f'{boxes}/{folder}' for boxes in PUBLISHED for folder in market_layout.NEEDED)
    camera_range = (1, 2)

    def __init__(self, *args, boxes: str = 'detected', **kwargs):
        if boxes not in PUBLISHED:
            raise ValueError(f"boxes is '{boxes}'; it must be one of {', '.join(PUBLISHED)}")
        self.boxes = boxes
        self.published = PUBLISHED[boxes]
        super().__init__(*args, **kwargs)

    def read_split(self, split: str) -> list[Record]:
        return self.count_left_out(*market_layout.read_market_split(self.root / self.boxes, split))
