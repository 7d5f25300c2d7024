"""Market-1501 (Zheng et al., ICCV 2015): 1501 persons, 6 cameras."""

from reidgen.datasets import market_layout
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.registry import DATASETS


@DATASETS.register_module()
class Market1501(ReIDDataset):
    """Market-1501; `root` may also be the folder that holds Market-1501-v15.09.15.

    Of the 19,732 files in bounding_box_test, the 3,819 junk boxes (-1_...) are left out and the
    distractors (0000_...) stay, counted as one identity. The split 'multi_query' reads gt_bbox.
    """

    name = 'market1501'
    inner = ('Market-1501-v15.09.15',)
    folders = market_layout.NEEDED
    published = {'train': (751, 12936), 'query': (750, 3368), 'gallery': (751, 15913)}
    pid_range = (-1, 1501)
    camera_range = (1, 6)

    def read_split(self, split: str) -> list[Record]:
        return self.count_left_out(*market_layout.read_market_split(self.root, split))
