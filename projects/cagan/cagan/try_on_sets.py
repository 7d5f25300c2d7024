"""Published virtual try-on data sets: MPV (LIP-MPV) and VITON."""

from pathlib import Path

from reidgen.datasets.image_files import list_images
from reidgen.registry import DATASETS

from .datasets import GarmentDataset, Pair, check_files

PERSON, CLOTH = 'person_half_front.jpg', 'cloth_front.jpg'
LAYOUTS = ('list', 'flat', 'one_five')


@DATASETS.register_module()
class MPV(GarmentDataset):
    """LIP-MPV: frontal half figures with their garments, 256 x 192.

    | layout     | root holds                                                                   |
    |------------|------------------------------------------------------------------------------|
    | 'list'     | `list_file` (tab-separated: pose A, pose B, cloth, train or test), `images`/ |
    | 'flat'     | <name>_person_half_front.jpg and <name>_cloth_front.jpg, side by side        |
    | 'one_five' | 1/<name>_1.jpg persons, 5/<name>_5.jpg garments                              |

    Of the list, rows are kept that name a half-front person (in either column) and a front view of
    the garment; the last two layouts are matched by name, and have a folder for each split.

    Args:
        root: folder.
        layout: one of the above.
        list_file: name of the list.
        images: folder of the pictures, below root.
        split, size, ...: as GarmentDataset.

    Raises:
        ValueError: an unknown layout, a list without such rows, or a person without garment or the
            reverse.
    """

    name = 'mpv'

    def __init__(
        self,
        root: str,
        layout: str = 'list',
        list_file: str = 'all_poseA_poseB_clothes.txt',
        images: str = 'all',
        split: str = 'train',
        size: tuple[int, int] = (256, 192),
        **kwargs,
    ):
        if layout not in LAYOUTS:
            raise ValueError(f"layout is '{layout}'; it must be one of {', '.join(LAYOUTS)}")
        self.root, self.layout = Path(root).expanduser(), layout
        self.list_file, self.images = list_file, images
        super().__init__(split, size, **kwargs)

    def read_pairs(self) -> list[Pair]:
        if self.layout == 'list':
            pairs = self._listed()
        elif self.layout == 'flat':
            pairs = matched(self.root, self.root, '_' + PERSON, '_' + CLOTH)
        else:
            pairs = matched(self.root / '1', self.root / '5', '_1.jpg', '_5.jpg')
        check_files([path for pair in pairs for path in pair[:2]], f'MPV {self.split}')
        return pairs

    def article(self, garment: str) -> str:
        return Path(garment).name.partition('@')[0]  # <sku>@<number>=cloth_front.jpg

    def _listed(self) -> list[Pair]:
        path = self.root / self.list_file
        if not path.is_file():
            raise FileNotFoundError(
                f'no list {path}; set root and list_file, or layout to one of '
                f'{", ".join(LAYOUTS[1:])}'
            )
        pairs = set()
        for number, line in enumerate(read_lines(path), 1):
            if PERSON not in line or CLOTH not in line:
                continue
            columns = line.rstrip().split('\t')
            if len(columns) != 4:
                raise ValueError(
                    f'{path}, line {number} has {len(columns)} columns; expected are four, split '
                    'by tabs: pose A, pose B, cloth, train or test'
                )
            *poses, cloth, split = columns
            if split == self.split:
                folder = self.root / self.images
                pairs |= {
                    Pair(str(folder / pose), str(folder / cloth))
                    for pose in poses
                    if pose.endswith(PERSON)
                }
        if not pairs:
            raise ValueError(f"{path} has no row of split '{self.split}' with {PERSON} and {CLOTH}")
        return sorted(pairs)


@DATASETS.register_module()
class VITON(GarmentDataset):
    """VITON and VITON-HD in the usual layout: `<split>_pairs.txt` beside `<split>/`.

    Each line names a person in `<split>/image` and a garment in `<split>/cloth`. What a person
    wears has the person's own name, or `_1` where it has `_0`; in the test list the garment is the
    one to swap to, and where that is the own one, another is drawn.

    Args:
        root: folder.
        split, size, ...: as GarmentDataset.

    Raises:
        ValueError: a line without two names.
    """

    name = 'viton'

    def __init__(
        self, root: str, split: str = 'train', size: tuple[int, int] = (256, 192), **kwargs
    ):
        self.root = Path(root).expanduser()
        super().__init__(split, size, **kwargs)

    def read_pairs(self) -> list[Pair]:
        path = self.root / f'{self.split}_pairs.txt'
        if not path.is_file():
            raise FileNotFoundError(f'no list {path}; set root to the folder that holds it')
        persons, garments = self.root / self.split / 'image', self.root / self.split / 'cloth'
        pairs = set()
        for number, line in enumerate(read_lines(path), 1):
            names = line.split()
            if not names:
                continue
            if len(names) != 2:
                raise ValueError(
                    f'{path}, line {number} is {line!r}; write two names, of a person and of a '
                    f'garment, apart by a space'
                )
            person, garment = names
            own = garments / person
            if not own.is_file():
                own = garments / person.replace('_0.', '_1.')
            wanted = str(garments / garment)
            swaps = self.split == 'test' and wanted != str(own)
            pairs.add(Pair(str(persons / person), str(own), wanted if swaps else None))
        paths = [path for pair in pairs for path in pair if path is not None]
        check_files(paths, f'VITON {self.split}')
        return sorted(pairs, key=lambda pair: (pair.person, pair.wanted or ''))


def read_lines(path: Path) -> list[str]:
    """Lines of a list in UTF-8.

    Raises:
        ValueError: it is not; names file, line and byte.
    """
    data = path.read_bytes()
    try:
        return data.decode('utf-8-sig').splitlines()
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        raise ValueError(
            f'{path}, line {line}: byte {data[error.start]:#04x} is not UTF-8; save the list as '
            f'UTF-8'
        ) from error


def matched(persons: Path, garments: Path, person_end: str, garment_end: str) -> list[Pair]:
    """Pairs of files that share their names up to the endings, sorted.

    Raises:
        FileNotFoundError: a folder is not there or holds no picture.
        ValueError: a file has no partner.
    """
    found = [
        {path.name.removesuffix(end): str(path) for path in list_images(folder) if fits(path, end)}
        for folder, end in ((persons, person_end), (garments, garment_end))
    ]
    orphans = sorted(set(found[0]) ^ set(found[1]))
    if orphans:
        raise ValueError(
            f'{len(orphans)} pictures in {persons} have no partner (*{person_end} and '
            f'*{garment_end}), the first: {", ".join(orphans[:5])}; add it or take the picture out'
        )
    return [Pair(found[0][name], found[1][name]) for name in sorted(found[0])]


def fits(path: Path, end: str) -> bool:
    """Whether a file name has this ending."""
    return path.name.endswith(end)
