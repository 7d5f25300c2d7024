"""Pose maps: the input of E_p in place of the image, by source."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as vision

from reidgen.datasets.image_files import read_grey
from reidgen.datasets.records import Record
from reidgen.datasets.resizing import resized
from reidgen.datasets.roots import as_path
from reidgen.registry import POSE_MAPS, build

TURNS = (45, 90, 135, 180, 225, 270, 315)


class PoseMap:
    """Base of the sources of pose maps.

    Attributes:
        channels: M, channels of a map: E_p's `in_channels`.
        views: turns of the body in degrees that the source has maps of, 0 being the image's own
            view, which every source has; empty: the own view only.
    """

    channels: int = 1
    views: tuple[int, ...] = ()

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        """The map of one image.

        Args:
            split: 'train', 'query', 'gallery' or 'multi_query'.
            view: one of `novel_views`; None: the image's own view.
            image: (3, H, W) uint8, as decoded.

        Returns:
            (M, h, w) uint8, 0 where there is no body; h and w need not be those of the image.
        """
        raise NotImplementedError

    def missing(self, record: Record, split: str) -> list[str]:
        """Paths of the image's missing maps, for an error; empty if every view is there."""
        return []

    def how_to_make(self) -> str:
        """Instruction for the error about missing maps."""
        return 'make them, or choose another pose_map'

    def flip(self, maps: Tensor) -> Tensor:
        """Maps (..., M, H, W) of the mirrored image."""
        return vision.horizontal_flip(maps)

    def attach(self, dataset: Any) -> None:
        """Binds the source to its data set, once; a no-op for sources that need none."""

    @property
    def novel_views(self) -> tuple[int, ...]:
        """Views other than the image's own."""
        return tuple(view for view in self.views if view != 0)

    @property
    def num_views(self) -> int:
        """Number of views, the image's own included."""
        return 1 + len(self.novel_views)


def checked_views(views: Sequence[int]) -> tuple[int, ...]:
    """Checked views as a tuple.

    Raises:
        ValueError: one is no whole number of degrees in 0..359, or is given twice.
    """
    wrong = [view for view in views if not isinstance(view, int) or not 0 <= view < 360]
    if wrong or len(set(views)) < len(views):
        raise ValueError(
            f'views={list(views)}: they are different whole degrees in 0..359, '
            f'such as {list(TURNS)}'
        )
    return tuple(views)


def build_pose_map(cfg: dict | PoseMap | Sequence[dict | PoseMap] | None) -> PoseMap | None:
    """Source of one config, concatenation for a list of configs, None for None."""
    if cfg is None or isinstance(cfg, PoseMap):
        return cfg
    if isinstance(cfg, dict):
        return build(cfg, POSE_MAPS, 'pose_map')
    if not isinstance(cfg, list | tuple):
        raise ValueError(
            f"pose_map is {cfg!r}; give dict(type='Name', ...), a list of these, or None"
        )
    return Concatenated(
        [part if isinstance(part, PoseMap) else build(part, POSE_MAPS, 'pose_map') for part in cfg]
    )


class Concatenated(PoseMap):
    """Channel-wise concatenation of several sources, such as luma and mesh.

    The novel view is one that every source with several views has. A source with one view keeps its
    own whatever is drawn, so `num_views` is that of the richer ones.

    Raises:
        ValueError: no source is given, or those with several views share none.
    """

    def __init__(self, parts: Sequence[PoseMap]):
        if not parts:
            raise ValueError('pose_map is an empty list; name a source or set pose_map=None')
        self.parts = tuple(parts)
        self.channels = sum(part.channels for part in parts)
        turning = [part.novel_views for part in parts if part.novel_views]
        self.views = (
            tuple(view for view in turning[0] if all(view in views for views in turning))
            if turning
            else ()
        )
        if turning and not self.views:
            raise ValueError(f'the pose maps share no view: {turning}; give them views in common')

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        maps = [
            part.load(record, split, view if part.novel_views else None, image)
            for part in self.parts
        ]
        largest = max(((m.shape[-2], m.shape[-1]) for m in maps), key=math.prod)
        return torch.cat([_resized(m, largest) for m in maps])  # (M, h, w)

    def missing(self, record: Record, split: str) -> list[str]:
        return [path for part in self.parts for path in part.missing(record, split)]

    def how_to_make(self) -> str:
        return '; '.join(part.how_to_make() for part in self.parts)

    def flip(self, maps: Tensor) -> Tensor:
        chunks = maps.split([part.channels for part in self.parts], dim=-3)
        return torch.cat([part.flip(chunk) for part, chunk in zip(self.parts, chunks)], dim=-3)

    def attach(self, dataset: Any) -> None:
        for part in self.parts:
            part.attach(dataset)


def stacked(maps: Sequence[Tensor], path: str, views: Sequence[int | None]) -> Tensor:
    """Maps (V, M, h, w) of an image from its views, None being its own.

    Raises:
        ValueError: they differ in size.
    """
    if maps[0].shape != maps[-1].shape:
        raise ValueError(
            f'the maps of {path} differ in size: own view {tuple(maps[0].shape)}, turned by '
            f'{views[-1]} degrees {tuple(maps[-1].shape)}'
        )
    return torch.stack(list(maps))


class FolderNames(dict[Path, frozenset[str]]):
    """Folder -> names in it, none where there is no folder; listed once.

    Asking for 100,000 files one by one takes minutes on a network disk.
    """

    def __missing__(self, folder: Path) -> frozenset[str]:
        names = folder.iterdir() if folder.is_dir() else ()
        self[folder] = frozenset(path.name for path in names)
        return self[folder]


def _resized(pose_map: Tensor, size: tuple[int, int]) -> Tensor:
    return resized(pose_map, size, InterpolationMode.BICUBIC)


@POSE_MAPS.register_module()
class RenderedMesh(PoseMap):
    """Renderings of the estimated body mesh, in the folders of GCL (Chen et al., CVPR 2021).

        <root>/train/render/<image file name>        the image's own view
        <root>/train/render_45/<image file name>     the body turned by 45 degrees; and so on
        <root>/test/...                              query and gallery

    A map of the same name with the suffix .png is taken where there is none with the image's own.

    Args:
        views: degrees whose folders are read; GCL's released code never draws 315.
        subfolders: folders above the image file that the maps keep: 1 for MSMT17 (one an identity).
    """

    def __init__(
        self,
        root: str,
        views: Sequence[int] = TURNS,
        subfolders: int = 0,
    ):
        self.root = as_path(root, 'pose_map.root')
        self.views = checked_views(views)
        self.subfolders = subfolders
        self._names = FolderNames()

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        path = self.path_of(record, split, view)
        if not path.is_file() and (png := path.with_suffix('.png')).is_file():
            path = png
        return read_grey(path)

    def missing(self, record: Record, split: str) -> list[str]:
        paths = [self.path_of(record, split, view) for view in (None, *self.novel_views)]
        return [
            str(path)
            for path in paths
            if not {path.name, path.with_suffix('.png').name} & self._names[path.parent]
        ]

    def how_to_make(self) -> str:
        return (
            f'put meshes rendered elsewhere into {self.root.absolute()} in the layout of GCL '
            f'(docs/data.md), make them from key points with `reidgen maps`, or say where they lie '
            f'with data_roots.mesh or pose_map.root; or '
            f"choose a pose map without meshes: dict(type='Grayscale'), which needs no files, or "
            f"dict(type='JointHeatmap', root=...), from joints"
        )

    def path_of(self, record: Record, split: str, view: int | None) -> Path:
        """Path of a map; None: the image's own view."""
        name = Path(*Path(record.path).parts[-1 - self.subfolders :])
        folder = 'render' if view is None else f'render_{view}'
        return self.root / ('train' if split == 'train' else 'test') / folder / name
