"""Garment data sets with ground truth of every swap: rendered people and stick figures."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as nnf
from PIL import Image, ImageDraw
from torch import Tensor

from reidgen.datasets import SyntheticReID
from reidgen.datasets.shapes import STRIPES, STYLES
from reidgen.datasets.stick_figures import Clothes, Pose, draw_person, hue
from reidgen.registry import DATASETS
from reidgen.rng import seed_of
from reidgen.synthetic import PARTS

from .datasets import GarmentDataset, Pair, Truth

UPPER = PARTS.index('upper')
NOSE = 0  # row of the joints
MIN_UPPER = 0.05  # share of the picture that shows the garment; less is occluded or cut
POSES = 2  # of each stick figure
WHITE = 247  # around a garment's picture


@DATASETS.register_module()
class SyntheticGarments(GarmentDataset):
    """Rendered people of SyntheticReID with flat images of their garments.

    The truth is rendered: the same person, pose, camera and background in the other garment. The
    training split has the training persons, the test split the query images of the test persons;
    of both those with a visible nose, as in try-on data sets, and enough of the garment visible.

    Args:
        domain, people, root: as `domain`, `size` and `root` of SyntheticReID.
        split, size, ...: as GarmentDataset; the pictures are 128 x 64.
    """

    has_truth = True

    def __init__(
        self,
        domain: str = 'synth_a',
        people: str = 'base',
        root: str | Sequence[str] = 'data/synthetic',
        split: str = 'train',
        size: tuple[int, int] = (128, 64),
        **kwargs,
    ):
        self.name = f'{domain}_garments'
        self.source = SyntheticReID(
            domain,
            people,
            root,
            'train' if split == 'train' else 'query',
            maps=False,
            check_images=False,
        )
        super().__init__(split, size, **kwargs)

    def read_pairs(self) -> list[Pair]:
        worn = [pair for pair in self.source.garment_pairs() if self._shows(pair.record)]
        self.records = [pair.record for pair in worn]
        return [Pair(pair.record.path, pair.worn) for pair in worn]

    def read_truth(self, row: int, wanted: str) -> Truth:
        record = self.records[row]
        image, parts = self.source.read_swapped(record, wanted)
        garment = (parts == UPPER) | (self.source.read_parts(record) == UPPER)
        garment = nnf.interpolate(garment[None].float(), self.size, mode='nearest')[0] > 0.5
        return Truth(self.resized(image), garment)

    def _shows(self, record) -> bool:
        shown = (self.source.read_parts(record) == UPPER).float().mean().item()
        seen = self.source.read_joints(record)[NOSE, 2] == 1
        return shown >= MIN_UPPER and bool(seen)


@DATASETS.register_module()
class ShapesGarments(GarmentDataset):
    """Stick figures in shirts, drawn in memory: for tests and the smoke config, no benchmark.

    Everything is a function of (seed, number); test figures are others than training figures.

    Args:
        num_persons: each has a shirt of their own, and two pictures.
        split, size, ...: as GarmentDataset.
    """

    name = 'shapes_garments'
    has_truth = True

    def __init__(
        self,
        num_persons: int = 8,
        split: str = 'train',
        size: tuple[int, int] = (64, 32),
        **kwargs,
    ):
        self.num_persons = num_persons
        super().__init__(split, size, **kwargs)

    def read_pairs(self) -> list[Pair]:
        first = 0 if self.split == 'train' else self.num_persons
        return [
            Pair(f'{number:04d}_{image:02d}', f'{number:04d}')
            for number in range(first, first + self.num_persons)
            for image in range(POSES)
        ]

    def read_person(self, path: str) -> Tensor:
        return self._drawn(path, self._clothes(path[:4]))

    def read_garment(self, path: str) -> Tensor:
        """Flat image of a shirt on white."""
        clothes, (height, width) = self._clothes(path), self.size
        picture = Image.new('RGB', (width, height), (WHITE,) * 3)
        draw = ImageDraw.Draw(picture)

        def rectangle(left: float, top: float, right: float, bottom: float, colour) -> None:
            box = [left * width, top * height, right * width, bottom * height]
            draw.rectangle(box, fill=colour)

        rectangle(0.1, 0.2, 0.9, 0.45, clothes.shirt)
        rectangle(0.25, 0.2, 0.75, 0.8, clothes.shirt)
        if clothes.stripes is not None:
            for top in (0.3, 0.45, 0.6):
                rectangle(0.25, top, 0.75, top + 0.06, clothes.stripes)
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()

    def read_truth(self, row: int, wanted: str) -> Truth:
        path = self.pairs[row].person
        clothes, shirt = self._clothes(path[:4]), self._clothes(wanted)
        changed = clothes._replace(shirt=shirt.shirt, stripes=shirt.stripes)
        shades = [clothes._replace(shirt=(v, v, v), stripes=None) for v in (0, 255)]
        black, white = (self._drawn(path, shade).int() for shade in shades)
        return Truth(self._drawn(path, changed), ((white - black).amax(0) > 127)[None])

    def _clothes(self, number: str) -> Clothes:
        rng = np.random.default_rng(seed_of(self.seed, int(number)))
        stripes = STRIPES[rng.integers(len(STRIPES))]
        skin = (210, 165, 130)
        return Clothes(hue(rng.random()), hue(rng.random(), 0.5, 0.5), stripes, (60, 45, 35), skin)

    def _drawn(self, path: str, clothes: Clothes) -> Tensor:
        number, image = (int(part) for part in path.split('_'))
        rng = np.random.default_rng(seed_of(self.seed, number, image))
        pose = Pose(rng.uniform(-25, 25), rng.uniform(-1, 1), rng.uniform(0.84, 0.92), (0.0, 0.0))
        pixels = draw_person(tuple(self.size), pose, clothes, STYLES['a'], rng)
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
