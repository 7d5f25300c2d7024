"""SyntheticFaces: rendered heads at 13 yaws under 20 lights, with the true frontal face of each."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from reidgen.datasets import market_layout
from reidgen.datasets.image_files import read_rgb
from reidgen.datasets.log_once import log_once
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.roots import Roots, as_places
from reidgen.datasets.synthetic_lists import again
from reidgen.registry import DATASETS
from reidgen.synthetic import Seeds, check_files, read_manifest
from reidgen.synthetic.faces import (
    TRUTH_FOLDER,
    TRUTH_LIGHT,
    TRUTH_YAW,
    YAWS_DEG,
    FacePlan,
    ensure_faces,
    face_name,
)

NAME = re.compile(r'(?P<pid>\d{4})_c(?P<yaw>\d\d)_l(?P<light>\d\d)_e(?P<expressive>[01])')


class FaceItem(NamedTuple):
    """Face with what is known of it."""

    record: Record
    yaw_deg: int  # out of YAWS_DEG; positive: the nose points to the right of the picture
    light: int  # 1 to 20; 0: that of the true frontal faces
    expressive: bool  # False: a neutral face
    truth: str  # path of the same person's true frontal face


@DATASETS.register_module()
class SyntheticFaces(ReIDDataset):
    """Rendered faces, 112 x 112, of training persons or of test persons, who are others.

    A picture is of one of 13 yaws, -90 to 90 degrees in steps of 15, and of one of 20 lights, with
    a neutral or another expression before a blurred wall. The true frontal face of a person is
    exactly frontal, neutral, under a fixed light before a grey wall. The yaw stands for the camera:
    camid 0 to 12, and 13 for the true frontal faces. Splits: 'train' has all pictures of the
    training persons, 'query' those of the test persons, 'gallery' their true frontal faces, so that
    retrieval is recognition of a face at any yaw. The true faces of the training persons are in no
    split; `faces` and `read_truth` give them.

    The rendering lies in `<root>/faces/<size>` and is made if it is not there: seconds for 'tiny',
    minutes for 'base'; several processes wait for one.

    Args:
        size: 'tiny' (8 training and 4 test persons, 2 lights at each yaw, for smoke tests), 'base'
            (200 and 50, 4 lights) or 'large' (200 and 50, all 20 lights).
        root: where renderings lie; of several places the first that has this one, or else the
            first.
        yaws_deg: keep the training pictures and queries of these yaws; None: all.
        identity_seed, image_seed: other persons; other poses, expressions, lights and walls.
        check: files that are compared with the manifest now: 'sample' (64, others each time),
            'all' or 'none'.
        workers: processes that render.

    Raises:
        OSError: root cannot be written, or the disk is full.
        ValueError: a yaw is none of the 13; files are missing or changed; or see ReIDDataset.
    """

    name = 'faces'
    folders = market_layout.NEEDED
    pid_range = (1, 9999)
    camera_range = (1, TRUTH_YAW + 1)

    def __init__(
        self,
        size: str = 'base',
        root: Roots = 'data/synthetic',
        split: str = 'train',
        *,
        yaws_deg: Sequence[int] | None = None,
        identity_seed: int = 0,
        image_seed: int = 0,
        check: str = 'sample',
        workers: int = 1,
        **kwargs: Any,
    ):
        self.plan = FacePlan.of(size, Seeds(identity=identity_seed, image=image_seed))
        if split == 'multi_query':
            raise ValueError(
                "SyntheticFaces has no split 'multi_query'; it has train, query and gallery"
            )
        unknown = sorted(set(yaws_deg or ()) - set(YAWS_DEG))
        if unknown or (yaws_deg is not None and not yaws_deg):
            raise ValueError(
                f'yaws_deg is {list(yaws_deg or ())}; yaws are out of {list(YAWS_DEG)}'
            )
        self.yaws_deg, self.check, self.workers = yaws_deg, check, workers
        super().__init__(root, split, **kwargs)

    def find_root(self, root: Roots) -> Path:
        """Folder of the rendering, checked against its manifest; rendered now if missing."""
        places = as_places(root)
        found = [place for place in places if read_manifest(place / self.plan.folder) is not None]
        place = (found or places)[0]
        if not (place / self.plan.folder).is_dir():
            log_once(f'rendering {self.plan.folder} into {place}: once, some minutes for base')
        folder = ensure_faces(self.plan, place, self.workers)
        manifest = read_manifest(folder)
        assert manifest is not None  # `ensure_faces` has written one
        check_files(folder, manifest, self.check)
        return folder

    def read_split(self, split: str) -> list[Record]:
        records, left_out = market_layout.read_market_split(self.root, split)
        if self.yaws_deg is not None and split != 'gallery':
            kept = [record for record in records if YAWS_DEG[record.camid] in self.yaws_deg]
            left_out['faces at other yaws'] += len(records) - len(kept)
            records = kept
        return self.count_left_out(records, left_out)

    def faces(self) -> list[FaceItem]:
        """What is known of each picture, in the order of the records.

        Raises:
            ValueError: a file's name is none of the rendering's.
        """
        return [self._face(record) for record in self.records]

    def read_truth(self, record: Record) -> Tensor:
        """True frontal face (3, 112, 112) uint8 of the record's person."""
        return read_rgb(self._face(record).truth)

    def _face(self, record: Record) -> FaceItem:
        match = NAME.fullmatch(Path(record.path).stem)
        if match is None:
            raise ValueError(
                f'{record.path} is not named like 0001_c03_l12_e0.jpg: {again(self.root)}'
            )
        number = int(match['yaw']) - 1
        is_train = Path(record.path).parent.name == market_layout.FOLDERS['train']
        folder = TRUTH_FOLDER if is_train else market_layout.FOLDERS['gallery']
        name = face_name(record.pid, TRUTH_YAW, TRUTH_LIGHT, False)
        return FaceItem(
            record,
            0 if number == TRUTH_YAW else YAWS_DEG[number],
            int(match['light']),
            match['expressive'] == '1',
            str(self.root / folder / f'{name}.jpg'),
        )
