"""DukeMTMC-reID (Zheng et al., ICCV 2017; Ristani et al., ECCV 2016 workshops): 8 cameras."""

from reidgen.datasets import market_layout
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.registry import DATASETS


@DATASETS.register_module()
class DukeMTMC(ReIDDataset):
    """DukeMTMC-reID from the user's own copy: the set was withdrawn and is not offered here.

    `root` may also be the folder that holds DukeMTMC-reID. The gallery has 702 queried persons and
    408 distractors, which have identities of their own.
    """

    name = 'dukemtmc'
    inner = ('DukeMTMC-reID',)
    folders = market_layout.NEEDED
    published = {'train': (702, 16522), 'query': (702, 2228), 'gallery': (1110, 17661)}
    camera_range = (1, 8)

    def read_split(self, split: str) -> list[Record]:
        return self.count_left_out(*market_layout.read_market_split(self.root, split))
