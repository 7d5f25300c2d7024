"""MultiPIE: reader of CMU Multi-PIE's face crops by the protocols of the program."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from reidgen.choices import one_of
from reidgen.datasets import Record, ReIDDataset
from reidgen.datasets.image_files import scan_images
from reidgen.datasets.roots import Roots
from reidgen.registry import DATASETS

PROTOCOLS = ('setting1', 'session01')
SPLITS = ('train', 'query', 'gallery')
NAME = re.compile(r'(?:^|[^0-9])(\d{3})_(\d\d)_(\d\d)_(\d{3})_(\d\d)(?![0-9])')
YAW = {  # degrees of the cameras at the height of the head; 081 and 191 look down from above
    110: 90, 120: 75, 90: 60, 80: 45, 130: 30, 140: 15, 51: 0,
    50: -15, 41: -30, 190: -45, 200: -60, 10: -75, 240: -90,
}  # fmt: skip
FRONTAL, LIGHT, NEUTRAL, SESSION = 51, 7, 1, 1  # camera, illumination, recording, session
NEAR = tuple(camera for camera, yaw in YAW.items() if abs(yaw) <= 45)
TRAIN_TO = 100  # setting1: subjects 001 to 100
TRAIN_SUBJECTS = 200  # session01: so many, the others are tested
EXPRESSIONS = (1, 2)  # session01: neutral and smile


class Shot(NamedTuple):
    """Fields of a file name SSS_ss_ee_ccc_ii."""

    subject: int
    session: int
    recording: int  # expression; 1 is neutral in every session
    camera: int
    light: int  # illumination, 0 to 19


def shot_of(name: str) -> Shot | None:
    """Fields of a file name such as `001_01_01_051_07.png`; None where it is none."""
    found = NAME.search(name)
    return Shot(*map(int, found.groups())) if found else None


def select(shots: Iterable[Shot], protocol: str, split: str) -> list[Shot]:
    """Shots of a split, in the order given.

    Args:
        protocol: 'setting1': session 01, neutral, seven cameras within 45 degrees; subjects 001 to
            100 are trained with. 'session01': session 01, two expressions, all 15 cameras; its
            first 200 subjects are trained with.
        split: 'train'; 'gallery': one frontal shot of each other subject, neutral, under
            illumination 07; 'query': the others' shots, of 'setting1' those of the six turned
            cameras under the other 19 illuminations, of 'session01' all but the gallery.
    """
    one_of(protocol, PROTOCOLS, 'protocol')
    one_of(split, SPLITS, 'split')
    shots = [shot for shot in shots if shot.session == SESSION]
    if protocol == 'setting1':
        kept = [s for s in shots if s.recording == NEUTRAL and s.camera in NEAR]
        last = TRAIN_TO
    else:
        kept = [shot for shot in shots if shot.recording in EXPRESSIONS]
        subjects = sorted({shot.subject for shot in shots})
        last = subjects[:TRAIN_SUBJECTS][-1] if subjects else 0
    if split == 'train':
        return [shot for shot in kept if shot.subject <= last]
    kept = [shot for shot in kept if shot.subject > last]
    if split == 'gallery':
        return [shot for shot in kept if _is_fixed(shot)]
    if protocol == 'session01':
        return [shot for shot in kept if not _is_fixed(shot)]
    return [shot for shot in kept if shot.camera != FRONTAL and shot.light != LIGHT]


def _is_fixed(shot: Shot) -> bool:
    return (shot.recording, shot.camera, shot.light) == (NEUTRAL, FRONTAL, LIGHT)


@DATASETS.register_module()
class MultiPIE(ReIDDataset):
    """Faces of CMU Multi-PIE (Gross et al., IVC 2010), cropped and aligned by the user.

    It is licensed, and not to be had without an agreement. Identity is the subject, camid the
    camera's number (51 is the frontal one), so that `camera_ids=[51]` are the frontal faces.

    Args:
        root: folder whose images, at any depth, are named SSS_ss_ee_ccc_ii: subject, session,
            recording, camera, illumination, as `001_01_01_051_07.png`.
        protocol: 'setting1' or 'session01', see `select`.
        options: of ReIDDataset.

    Raises:
        FileNotFoundError: no root, or no image in it.
        ValueError: no file has such a name, or none is of the split.
    """

    name = 'multi_pie'
    folders = ('images named SSS_ss_ee_ccc_ii, such as 001_01_01_051_07.png',)
    first_camera = 0

    def __init__(self, root: Roots, protocol: str = 'setting1', split: str = 'train', **options):
        self.protocol = one_of(protocol, PROTOCOLS, 'protocol')
        self._frontal: dict[Shot, str] = {}
        super().__init__(root, split, **options)

    def read_split(self, split: str) -> list[Record]:
        one_of(split, SPLITS, 'split')
        images, left_out = scan_images(Path(self.root), recursive=True)
        paths = {shot: str(path) for path in images if (shot := shot_of(path.name))}
        if not paths:
            raise ValueError(
                f'{self.root}: none of its {len(images)} images is named as those of Multi-PIE, '
                f'SSS_ss_ee_ccc_ii (subject, session, recording, camera, illumination, as '
                f'001_01_01_051_07.png), the first is {images[0].name}; name the crops so'
            )
        self._frontal |= {shot: path for shot, path in paths.items() if shot.camera == FRONTAL}
        kept = select(sorted(paths), self.protocol, split)
        left_out['images of another split or protocol'] = len(paths) - len(kept)
        records = [Record(paths[shot], shot.subject, shot.camera) for shot in kept]
        return self.count_left_out(records, left_out)

    def frontals(self, record: Record, mode: str) -> list[str]:
        """Paths of a record's frontal faces; of several, the mean is the truth.

        Args:
            mode: 'fixed07': neutral, illumination 07; 'same_illumination': the record's
                illumination and expression; 'mean20': its expression, all illuminations.
        """
        shot = shot_of(Path(record.path).name)
        assert shot is not None
        if mode == 'fixed07':
            wanted = [shot._replace(recording=NEUTRAL, camera=FRONTAL, light=LIGHT)]
        elif mode == 'same_illumination':
            wanted = [shot._replace(camera=FRONTAL)]
        else:
            wanted = [shot._replace(camera=FRONTAL, light=light) for light in range(20)]
        return [self._frontal[each] for each in wanted if each in self._frontal]
