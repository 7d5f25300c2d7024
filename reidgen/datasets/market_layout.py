"""The layout of Market-1501, which DukeMTMC-reID, CUHK03-NP and many private sets copy.

bounding_box_train/  query/  bounding_box_test/  (gt_bbox/)
0002_c1s1_000451_03.jpg: person 2, camera 1;  0000_...: distractor;  -1_...: junk
"""

import re
from pathlib import Path

from reidgen.datasets.image_files import list_images
from reidgen.datasets.records import Record, without_junk

FOLDERS = {
    'train': 'bounding_box_train',
    'query': 'query',
    'gallery': 'bounding_box_test',
    'multi_query': 'gt_bbox',
}
NEEDED = ('bounding_box_train', 'query', 'bounding_box_test')
PATTERN = r'(?P<pid>-?\d+)_c(?P<camid>\d)'


def read_market_split(
    root: Path,
    split: str,
    pattern: str = PATTERN,
    distractor_pid: int | None = 0,
    first_camera: int = 1,
) -> list[Record]:
    """Records of one split, sorted by file name, junk left out (`without_junk`).

    Args:
        root: the folder that holds the split's folder.
        pattern: regular expression with the groups pid and camid, matched at the start of the file
            name.

    Raises:
        FileNotFoundError: the split's folder is missing or without images.
        ValueError: a file name does not fit the pattern.
    """
    compiled = re.compile(pattern)
    records = []
    for path in list_images(root / FOLDERS[split]):
        match = compiled.match(path.name)
        if match is None:
            raise ValueError(
                f'{path}: the file name does not begin like 0002_c1... (pattern {pattern}); rename '
                f'it, move it out of the folder, or read the set as FolderReID with its own '
                f'pattern'
            )
        records.append(Record(str(path), int(match['pid']), int(match['camid']) - first_camera))
    return without_junk(records, split, distractor_pid)
