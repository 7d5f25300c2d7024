"""ShapesReID: two domains of stick figures drawn in memory, for tests, no benchmark."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reidgen.datasets.pose_maps import TURNS, PoseMap, checked_views
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.roots import Roots
from reidgen.datasets.stick_figures import Clothes, Pose, Style, draw_map, draw_person, hue
from reidgen.datasets.transforms import check_size
from reidgen.registry import DATASETS, POSE_MAPS
from reidgen.rng import seed_of

NUM_COLOURS = 8
STRIPES = (None, (250, 250, 250), (20, 20, 20))
HAIR = ((40, 30, 25), (120, 80, 40), (200, 170, 90), (150, 150, 150))
SKIN = ((240, 200, 170), (190, 140, 105), (120, 80, 60))
STYLES = {
    'a': Style((205, 215, 225), (150, 140, 125), gain=(105, 100, 90), noise=4, texture=6),
    'b': Style((60, 75, 70), (95, 90, 110), gain=(80, 90, 110), noise=10, texture=14),
}
MAX_PERSONS = NUM_COLOURS * NUM_COLOURS * len(STRIPES)


@DATASETS.register_module()
class ShapesReID(ReIDDataset):
    """Dressed stick figures; clothes define the identity, background, cast and noise the domain.

    Everything is a function of (seed, domain, person, image): nothing is read or written. Training
    persons are 1..num_identities, test persons the next num_identities. The images of a person go
    round the cameras; of a test person the first, at most half and one a camera, are queries, the
    others gallery, so that every query has an image from another camera to find.

    Args:
        domain: 'a' (bright, warm) or 'b' (dark, bluish, noisier).
        images_per_identity: of every person.
        num_cameras: each with a viewing direction and brightness of its own.
        size: (height, width).
        seed: another one, other clothes and poses.
        transforms, pose_map, labelled, ...: as ReIDDataset; the maps are `dict(type='ShapesMap')`.

    Raises:
        ValueError: a size that cannot be; too many persons for the clothes there are.
    """

    def __init__(
        self,
        domain: str = 'a',
        split: str = 'train',
        num_identities: int = 8,
        images_per_identity: int = 4,
        num_cameras: int = 2,
        size: tuple[int, int] = (64, 32),
        seed: int = 0,
        **kwargs: Any,
    ):
        if domain not in STYLES:
            raise ValueError(f"domain is '{domain}'; it must be one of {', '.join(STYLES)}")
        if not 1 <= num_identities <= MAX_PERSONS // 2:
            raise ValueError(
                f'num_identities is {num_identities}; it must be in '
                f'1..{MAX_PERSONS // 2}, there are {MAX_PERSONS} sets of clothes for '
                'training and test'
            )
        height, width = check_size(size)
        least = 1 if split == 'train' else 2
        if min(images_per_identity, num_cameras) < least:
            raise ValueError(
                f'images_per_identity={images_per_identity} and num_cameras={num_cameras} must be '
                f'{least} or more{", or a query has nothing to find" if least == 2 else ""}'
            )
        self.domain, self.size, self.seed = domain, (height, width), seed
        self.num_persons, self.images_per_identity = num_identities, images_per_identity
        self.num_cameras, self.camera_range = num_cameras, (1, num_cameras)
        self.name = f'shapes_{domain}'
        self._drawn: dict[str, Tensor] = {}
        super().__init__(self.name, split, check_images=False, **kwargs)

    def find_root(self, root: Roots) -> Path:
        return Path(self.name)

    def read_split(self, split: str) -> list[Record]:
        num_cameras = self.num_cameras
        num_queries = max(1, min(num_cameras, self.images_per_identity // 2))
        numbers = {
            'train': range(self.images_per_identity),
            'query': range(num_queries),
            'gallery': range(num_queries, self.images_per_identity),
        }
        if split not in numbers:
            raise ValueError(f"ShapesReID has no split '{split}'; it has {', '.join(numbers)}")
        first = 1 if split == 'train' else 1 + self.num_persons
        return sorted(
            Record(
                f'{self.name}/{pid:04d}_c{number % num_cameras + 1}_{number:03d}.png',
                pid,
                number % num_cameras,
            )
            for pid in range(first, first + self.num_persons)
            for number in numbers[split]
        )

    def read_image(self, record: Record) -> Tensor:
        """Image (3, H, W) uint8, drawn at first access."""
        if record.path not in self._drawn:
            self._drawn[record.path] = self.read_turned(record, 0)
        return self._drawn[record.path]

    def read_turned(self, record: Record, turn_deg: float) -> Tensor:
        """Image (3, H, W) uint8 with the body turned as `read_map` turns it; all else alike."""
        brightness = 100 - 12 * (record.camid % 3)
        style = STYLES[self.domain]
        red, green, blue = (gain * brightness // 100 for gain in style.gain)
        pose = self._pose(record)
        pixels = draw_person(
            self.size,
            pose._replace(azimuth_deg=pose.azimuth_deg + turn_deg),
            self._clothes(record.pid),
            style._replace(gain=(red, green, blue)),
            self._rng(record, 1),
        )
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()

    def read_map(self, record: Record, view: int) -> Tensor:
        """Map (1, H, W) uint8 of the figure's grey body, turned by `view` degrees."""
        key = f'{record.path}@{view}'
        if key not in self._drawn:
            pixels = draw_map(self.size, self._pose(record), view)
            self._drawn[key] = torch.from_numpy(pixels)[None]
        return self._drawn[key]

    def read_mask(self, record: Record) -> Tensor:
        """Mask (1, H, W) uint8, 255 on the figure."""
        return (self.read_map(record, 0) > 0).to(torch.uint8) * 255

    def _rng(self, record: Record, purpose: int) -> np.random.Generator:
        number = int(Path(record.path).stem.rsplit('_', 1)[1])
        return np.random.default_rng(
            seed_of(self.seed, ord(self.domain), record.pid, number, purpose)
        )

    def _pose(self, record: Record) -> Pose:
        rng = self._rng(record, 0)
        return Pose(
            azimuth_deg=60 * record.camid + rng.uniform(-25, 25),
            swing=rng.uniform(-1, 1),
            height=rng.uniform(0.84, 0.92),
            shift=(rng.uniform(-0.05, 0.05), rng.uniform(-0.02, 0.02)),
        )

    def _clothes(self, pid: int) -> Clothes:
        """Clothes of a person, unique in the domain; neighbours differ in their shirts."""
        rng = np.random.default_rng(seed_of(self.seed, ord(self.domain)))
        shirts, trousers = rng.permutation(NUM_COLOURS), rng.permutation(NUM_COLOURS)
        person = pid - 1
        shirt = shirts[person % NUM_COLOURS]
        below = trousers[(person + person // NUM_COLOURS) % NUM_COLOURS]
        return Clothes(
            shirt=hue(shirt / NUM_COLOURS),
            trousers=hue((below + 0.5) / NUM_COLOURS, 0.8, 0.6),
            stripes=STRIPES[person // NUM_COLOURS**2 % len(STRIPES)],
            hair=HAIR[person % len(HAIR)],
            skin=SKIN[person % len(SKIN)],
        )


@POSE_MAPS.register_module()
class ShapesMap(PoseMap):
    """Pose maps of ShapesReID: grey bodies at their own and at turned views.

    Args:
        views: degrees.
    """

    dataset: ShapesReID  # set by `attach`

    def __init__(self, views: Sequence[int] = TURNS):
        self.views = checked_views(views)

    def attach(self, dataset: ReIDDataset) -> None:
        if not isinstance(dataset, ShapesReID):
            raise TypeError(
                f'ShapesMap draws the figures of ShapesReID, not those of '
                f'{type(dataset).__name__}; set pose_map to RenderedMesh, JointHeatmap '
                'or Grayscale'
            )
        self.dataset = dataset

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        return self.dataset.read_map(record, view or 0)
