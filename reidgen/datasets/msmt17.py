"""MSMT17 (Wei et al., CVPR 2018): 4101 persons, 15 cameras, releases V1 and V2."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reidgen.datasets.records import ListedImages, Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.registry import DATASETS

# release -> folders of the training and the test images; V2 has the faces masked
RELEASES = {'V1': ('train', 'test'), 'V2': ('mask_train_v2', 'mask_test_v2')}
TEST = tuple(test for _, test in RELEASES.values())
FOLDERS = '|'.join(folder for folders in RELEASES.values() for folder in folders)
# 0000/0000_000_01_0303morning_0008_0.jpg 0: camera 1, identity 0
LINE = re.compile(
    rf'(?:(?:\./)?(?P<folder>{FOLDERS})/)?'
    r'(?P<below>(?:\d+/)?\d+_\d+_(?P<camid>\d{1,9})_[\w.-]+)\s+(?P<pid>-?\d{1,18})',
    re.ASCII,
)


@DATASETS.register_module()
class MSMT17(ReIDDataset):
    """MSMT17 from its list files; the folder names identify the release.

    Identities of the training and of the test lists both start at 0 and are different persons:
    numbers must not be compared between splits. 0 is a person here, there are no distractors.

    Args:
        combine_val: the 2,373 validation images, of the same 1,041 persons, belong to the training
            split, as in unsupervised and cross-domain work (SpCL, GCL); False leaves them out.
    """

    name = 'msmt17'
    inner = ('MSMT17_V1', 'MSMT17_V2')
    folders = (
        'train and test (or mask_train_v2 and mask_test_v2)',
        'list_{train,val,query,gallery}.txt',
    )
    published = {'train': (1041, 32621), 'query': (3060, 11659), 'gallery': (3060, 82161)}
    pid_range = (0, 4100)
    numbered_as_one = False
    camera_range = (1, 15)

    def __init__(self, *args: Any, combine_val: bool = True, **kwargs: Any):
        self.combine_val = combine_val
        if not combine_val:
            self.published = {**self.published, 'train': (1041, 30248)}
        super().__init__(*args, **kwargs)

    def read_split(self, split: str) -> list[Record]:
        lists = {
            'train': ['train', 'val'] if self.combine_val else ['train'],
            'query': ['query'],
            'gallery': ['gallery'],
        }
        if split not in lists:
            raise ValueError(f"MSMT17 has no split '{split}'; it has {', '.join(lists)}")
        folder = self.root / self._release()[split != 'train']
        if not folder.is_dir() or not any(folder.iterdir()):
            raise FileNotFoundError(f'{folder.absolute()} is missing or empty; unpack MSMT17 again')
        repeated: Counter[str] = Counter()
        listed, records = ListedImages(), []
        for name in lists[split]:
            for record, where in self._read_list(self.root / f'list_{name}.txt', folder):
                if listed.is_new(record, where, split):
                    records.append(record)
                else:
                    repeated['lines that are there twice'] += 1
        return self.count_left_out(sorted(records), repeated)

    def _release(self) -> tuple[str, str]:
        found = [
            folders
            for folders in RELEASES.values()
            if any((self.root / folder).is_dir() for folder in folders)
        ]
        if len(found) != 1:
            known = ' or '.join(' and '.join(folders) for folders in RELEASES.values())
            raise FileNotFoundError(
                f'{self.root.absolute()} must hold the folders of one release of MSMT17, {known}; '
                f'it holds those of {len(found)}'
            )
        return found[0]

    @staticmethod
    def _read_list(path: Path, folder: Path) -> Iterator[tuple[Record, str]]:
        """Records and places of list lines `0000/0000_000_01_0303morning_0008_0.jpg 0`.

        Some copies of the lists begin their paths with the folder, or have Windows' backslashes.
        """
        if not path.is_file():
            raise FileNotFoundError(
                f'no list {path.absolute()}; it comes with MSMT17, unpack it again'
            )
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            where = f'{path}, line {number}'
            # names are of plain ASCII; whatever else is there does not match and is shown
            text = line.decode('utf-8-sig', 'backslashreplace').strip()
            if not text:
                continue
            match = LINE.fullmatch(text.replace('\\', '/'))
            if match is None:
                raise ValueError(
                    f"{where}: '{text[:200]}' is not like "
                    f"'0000/0000_000_01_0303morning_0008_0.jpg 0' (path, identity)"
                )
            if match['folder'] not in (None, folder.name, RELEASES['V1'][folder.name in TEST]):
                raise ValueError(
                    f"{where}: '{text[:200]}' is in {match['folder']}, but {path.name} lists what "
                    f'is in {folder.name}; are the lists mixed up? Unpack MSMT17 again'
                )
            place = str(folder / match['below'])
            yield Record(place, int(match['pid']), int(match['camid']) - 1), where
