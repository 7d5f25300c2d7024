"""The layout of Market-1501, which DukeMTMC-reID, CUHK03-NP and many private sets copy.

bounding_box_train/  query/  bounding_box_test/  (gt_bbox/)
0002_c1s1_000451_03.jpg: person 2, camera 1;  0000_...: distractor;  -1_...: junk
"""

import re
from collections import Counter
from pathlib import Path

from reidgen.datasets.image_files import scan_images
from reidgen.datasets.records import Record, without_junk

FOLDERS = {
    'train': 'bounding_box_train',
    'query': 'query',
    'gallery': 'bounding_box_test',
    'multi_query': 'gt_bbox',
}
WHOLE = re.compile(r'-?\d{1,18}')  # fits into int64
NEEDED = ('bounding_box_train', 'query', 'bounding_box_test')
# behind the camera its sequence (c1s1) or a separator: 0002_c1x is another layout
PATTERN = r'(?P<pid>-?\d+)_c(?P<camid>\d+)[s\s._-]'


def read_market_split(
    root: Path,
    split: str,
    pattern: str = PATTERN,
    first_camera: int = 1,
    junk_rule: bool = True,
) -> tuple[list[Record], Counter[str]]:
    """Records of one split, sorted by file name, and counts of left-out files by reason.

    Args:
        root: the folder that holds the split's folder.
        pattern: regular expression with the groups pid and camid, matched at the start of the file
            name.
        first_camera: the number in the file names that is camid 0.
        junk_rule: whether junk and distractors are left out (`without_junk`).

    Raises:
        FileNotFoundError: the split's folder is missing or without images.
        ValueError: a file name does not fit the pattern.
    """
    compiled = re.compile(pattern)
    records = []
    images, left_out = scan_images(root / FOLDERS[split])
    for path in images:
        match = compiled.match(path.name)
        if match is None or not all(WHOLE.fullmatch(match[key] or '') for key in ('pid', 'camid')):
            raise ValueError(
                f'{path}: the file name does not begin like 0002_c1s1_... or 0002_c1_... (pattern '
                f'{pattern}); rename it, move it out of the folder, or read the set as FolderReID '
                f'with its own pattern'
            )
        records.append(Record(str(path), int(match['pid']), int(match['camid']) - first_camera))
    if not junk_rule:
        return records, left_out
    kept, junk = without_junk(records, split)
    return kept, left_out + junk
