"""SyntheticReID: the built-in rendered people, rendered on first use."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reidgen.datasets import market_layout
from reidgen.datasets.image_files import read_grey
from reidgen.datasets.log_once import log_once
from reidgen.datasets.pose_maps import TURNS, PoseMap, checked_views
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.roots import Roots, as_places
from reidgen.datasets.synthetic_lists import again, as_joints, read_garments, read_joint_lists
from reidgen.registry import DATASETS, POSE_MAPS
from reidgen.synthetic import (
    PARTS,
    Plan,
    Seeds,
    as_stored,
    check_files,
    ensure,
    pictures_by_name,
    read_manifest,
    reference_difference,
    render_swapped,
    rerender,
)
from reidgen.synthetic import TURNS as RENDERED_TURNS
from reidgen.synthetic.plan import Job, Picture
from reidgen.synthetic.scene import Photograph

WEARERS = ('train', 'test', 'validation')  # splits with garment pictures


class GarmentPair(NamedTuple):
    """Try-on sample: a person, the flat picture of the worn garment, and those of others."""

    record: Record
    worn: str  # path of a 128 x 96 picture on white
    others: tuple[str, ...]  # of the same split


@DATASETS.register_module()
class SyntheticReID(ReIDDataset):
    """Rendered pedestrians, 128 x 64, of a source domain, a target domain, or an oracle.

    'synth_a' is summer under six bright cameras, 'synth_b' winter under six others, 'synth_n' other
    people in the clothes of summer at night, under six that have street lamps. 'synth_a2b' shows
    the people of A, limbs posed alike and under the same file names, under the cameras of B, which
    decide the way through the picture and the box around the person: what a perfect translation
    would give, and a little more; 'synth_a2n' the same under those of N. The rendering lies in
    `<root>/<domain>/<size>` in the layout of Market-1501, with `mask/`, `parts/`, `mesh/`
    (SyntheticMesh), `joints/` (JointHeatmap), `garment/` and a manifest beside it. It is made if it
    is not there: some seconds for 'tiny', minutes for the others; several processes wait for one.

    Args:
        domain: 'synth_a', 'synth_b', 'synth_n', 'synth_a2b' or 'synth_a2n'.
        size: 'tiny' (20 training and 20 test persons, for smoke tests), 'base' (120 and 80, the
            benchmark) or 'large' (400 and 400).
        root: where renderings lie; of several places the first that has this one, or else the
            first.
        validation: other persons for choosing parameters, as query and gallery; no training split.
        camera_seed, identity_seed, image_seed: all 0 is the benchmark, anything else is not.
        maps: whether meshes are rendered now; they are added later when SyntheticMesh needs them.
        check: files that are compared with the manifest now: 'sample' (64, others each time),
            'all' or 'none'.
        workers: processes that render.
        strict_stats: pictures or counts that are not the benchmark's raise instead of warn.

    Raises:
        OSError: root cannot be written, or the disk is full.
        ValueError: files are missing or changed; or see ReIDDataset.
    """

    folders = market_layout.NEEDED
    pid_range = (-1, 9999)
    camera_range = (1, 6)

    def __init__(
        self,
        domain: str = 'synth_a',
        size: str = 'base',
        root: Roots = 'data/synthetic',
        split: str = 'train',
        *,
        validation: bool = False,
        camera_seed: int = 0,
        identity_seed: int = 0,
        image_seed: int = 0,
        maps: bool = True,
        check: str = 'sample',
        workers: int = 1,
        **kwargs: Any,
    ):
        seeds = Seeds(camera_seed, identity_seed, image_seed)
        self.plan = Plan.of(domain, size, seeds, validation)
        if validation and split == 'train':
            raise ValueError(
                "validation=True has no training split; set split to 'query', "
                "'gallery' or 'query+gallery', or validation to False"
            )
        if split == 'multi_query':
            raise ValueError(
                "SyntheticReID has no split 'multi_query'; it has train, query and gallery"
            )
        self.maps, self.check, self.workers = maps, check, workers
        self.name = domain
        self._joints: dict[str, object] = {}
        self._pictures: dict[str, tuple] = {}
        super().__init__(root, split, **kwargs)

    def find_root(self, root: Roots) -> Path:
        """Folder of the rendering, checked against its manifest; rendered now if missing."""
        places = as_places(root)
        found = [place for place in places if read_manifest(place / self.plan.folder) is not None]
        self._place = (found or places)[0]
        if not (self._place / self.plan.folder).is_dir():
            log_once(
                f'rendering {self.plan.folder} into {self._place}: once, some minutes for base'
            )
        folder = ensure(self.plan, self._place, self.maps, self.workers)
        manifest = read_manifest(folder)
        assert manifest is not None  # `ensure` has written one
        check_files(folder, manifest, self.check)
        if self.plan.is_benchmark:
            self.published = {split: tuple(counts) for split, counts in manifest['splits'].items()}
            self._compare(reference_difference(manifest), folder)
        return folder

    def need_maps(self) -> None:
        """Renders missing meshes."""
        ensure(self.plan, self._place, True, self.workers)

    def read_split(self, split: str) -> list[Record]:
        return self.count_left_out(*market_layout.read_market_split(self.root, split))

    def read_mask(self, record: Record) -> Tensor:
        """Mask (1, 128, 64) uint8, 255 where the person is visible, bag and hair included."""
        return read_grey(self._beside(record, 'mask', '.png'))

    def read_parts(self, record: Record) -> Tensor:
        """Part map (1, 128, 64) uint8, rows of `reidgen.synthetic.PARTS`; 0 off the person."""
        parts = read_grey(self._beside(record, 'parts', '.png'))
        if parts.max() >= len(PARTS):
            raise ValueError(
                f'{self._beside(record, "parts", ".png")} has the part '
                f'{parts.max().item()}; there are {len(PARTS)}: {again(self.root)}'
            )
        return parts

    def read_joints(self, record: Record) -> Tensor:
        """Joints (18, 3) float32: x, y in pixels from the first pixel's centre; 1 where visible.

        Raises:
            ValueError: a list of joints is damaged, or lacks the image.
        """
        if not self._joints:
            self._joints = read_joint_lists(self.root)
        return as_joints(self._joints, record, self.root)

    def garment_pairs(self) -> list[GarmentPair]:
        """Try-on samples of the images of persons, in the order of the records.

        Distractors have no garment picture.

        Raises:
            FileNotFoundError, ValueError: the list of garments is missing or damaged.
        """
        # query and gallery share their persons
        train = 'train' in self.split.split('+')
        worn = {
            image: str(self.root / garment)
            for split, image, garment in read_garments(self.root)
            if (split == 'train') == train
        }
        garments = sorted(set(worn.values()))
        pairs = []
        for record in self.records:
            own = worn.get(Path(record.path).relative_to(self.root).as_posix())
            if own is not None:
                others = tuple(garment for garment in garments if garment != own)
                pairs.append(GarmentPair(record, own, others))
        return pairs

    def read_swapped(self, record: Record, garment: str) -> tuple[Tensor, Tensor]:
        """Image of the same person and scene in another garment; rendered now, not stored.

        Args:
            garment: path of a garment's picture, `GarmentPair.worn` or one of `others`; that of
                the person themselves gives the image as it is.

        Returns:
            (3, 128, 64) uint8 image, and (1, 128, 64) uint8 rows of `reidgen.synthetic.PARTS`.

        Raises:
            ValueError: a distractor's image, which wears nothing that is pictured, or no garment.
        """
        job, picture = self._planned(record)
        wearers = {job.number: job for job, _ in self._pictures.values() if job.kind in WEARERS}
        name = Path(garment).stem
        worn = name.isdigit() and int(name) in wearers
        if job is None or picture is None or job.kind not in WEARERS or not worn:
            raise ValueError(
                f'{record.path} cannot be rendered in {garment}; both must be of a person of '
                f'{self.plan.folder}, as in garment_pairs()'
            )
        taken = render_swapped(self.plan, job, picture, wearers[int(name)])
        return _image(taken), torch.from_numpy(taken.parts)[None]

    def read_turned(self, record: Record, turn_deg: float) -> Tensor:
        """Image (3, 128, 64) uint8 of the same picture with the person seen from another side.

        Rendered now, not stored. Limbs, scene, light and sensor noise are those of the picture, the
        body is turned about the vertical axis as the pose map of that view is.

        Raises:
            ValueError: the record is none of this rendering.
        """
        job, picture = self._planned(record)
        if job is None or picture is None:
            raise ValueError(f'{record.path} is no picture of {self.plan.folder}')
        return _image(rerender(self.plan, self.plan, job, picture, turn_deg))

    def _planned(self, record: Record) -> tuple[Job | None, Picture | None]:
        """Job and picture of a record; None where the plan has none of its name."""
        if not self._pictures:
            self._pictures.update(pictures_by_name(self.plan))
        return self._pictures.get(Path(record.path).stem, (None, None))

    def _beside(self, record: Record, folder: str, suffix: str) -> Path:
        return (self.root / folder / Path(record.path).name).with_suffix(suffix)


def _image(taken: Photograph) -> Tensor:
    """Image (3, H, W) uint8 of a photograph, as a stored one is read."""
    return torch.from_numpy(as_stored(taken)).permute(2, 0, 1).contiguous()


@POSE_MAPS.register_module()
class SyntheticMesh(PoseMap):
    """Body meshes of SyntheticReID at their own and turned views; rendered when missing.

    Args:
        views: degrees out of 45, 90, ..., 315.
    """

    root: Path  # set by `attach`

    def __init__(self, views: Sequence[int] = TURNS):
        self.views = checked_views(views)
        unknown = [view for view in self.views if view not in RENDERED_TURNS]
        if unknown:
            raise ValueError(
                f'views {unknown} are not rendered; views are out of {list(RENDERED_TURNS)}'
            )
        self._names: frozenset[str] | None = None
        self._strip = '', torch.empty(0)  # name and views of the image before; two are asked for

    def attach(self, dataset: ReIDDataset) -> None:
        if not isinstance(dataset, SyntheticReID):
            raise TypeError(
                f'SyntheticMesh reads the maps of SyntheticReID, not those of '
                f'{type(dataset).__name__}; set pose_map to RenderedMesh, JointHeatmap '
                'or Grayscale'
            )
        dataset.need_maps()
        self.root = dataset.root / 'mesh'

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        name = Path(record.path).name
        if self._strip[0] != name:
            self._strip = name, read_grey(self.root / name)
        strip = self._strip[1]  # (1, 128, 8 * 64)
        width = strip.shape[2] // len(RENDERED_TURNS)
        column = RENDERED_TURNS.index(view or 0) * width
        return strip[:, :, column : column + width].contiguous()

    def missing(self, record: Record, split: str) -> list[str]:
        if self._names is None:
            self._names = frozenset(path.name for path in self.root.iterdir())
        name = Path(record.path).name
        return [] if name in self._names else [str(self.root / name)]

    def how_to_make(self) -> str:
        return again(self.root.parent)
