"""Data sets, pose maps, joint transforms and samplers."""

from reidgen.datasets.cluster_samplers import (
    ClusterSampler,
    ProxySampler,
    PseudoLabelSampler,
)
from reidgen.datasets.cuhk03 import CUHK03
from reidgen.datasets.dukemtmc import DukeMTMC
from reidgen.datasets.folder import FolderReID
from reidgen.datasets.image_maps import Colour, Grayscale, MapAsImage
from reidgen.datasets.joint_heatmap import JointHeatmap
from reidgen.datasets.joint_maps import JointMaps
from reidgen.datasets.lsp import LSP
from reidgen.datasets.market1501 import Market1501
from reidgen.datasets.msmt17 import MSMT17
from reidgen.datasets.pose_maps import PoseMap, RenderedMesh
from reidgen.datasets.records import Record
from reidgen.datasets.rect_crop import Crop, RandomRectCrop
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.samplers import IdentitySampler, ShuffleSampler
from reidgen.datasets.shapes import ShapesMap, ShapesReID
from reidgen.datasets.styled_reid import StyledReID
from reidgen.datasets.synthetic_faces import FaceItem, SyntheticFaces
from reidgen.datasets.synthetic_reid import GarmentPair, SyntheticMesh, SyntheticReID
from reidgen.datasets.transforms import (
    ColorJitter,
    RandomErase,
    RandomFlip,
    RandomPadCrop,
    Resize,
    ResizeRandomCrop,
    Sample,
    Transform,
)
from reidgen.datasets.two_views import TwoViews

__all__ = [
    'CUHK03',
    'LSP',
    'MSMT17',
    'ClusterSampler',
    'ColorJitter',
    'Colour',
    'Crop',
    'DukeMTMC',
    'FaceItem',
    'FolderReID',
    'GarmentPair',
    'Grayscale',
    'IdentitySampler',
    'JointHeatmap',
    'JointMaps',
    'MapAsImage',
    'Market1501',
    'PoseMap',
    'ProxySampler',
    'PseudoLabelSampler',
    'RandomErase',
    'RandomFlip',
    'RandomPadCrop',
    'RandomRectCrop',
    'ReIDDataset',
    'Record',
    'RenderedMesh',
    'Resize',
    'ResizeRandomCrop',
    'Sample',
    'ShapesMap',
    'ShapesReID',
    'ShuffleSampler',
    'StyledReID',
    'SyntheticFaces',
    'SyntheticMesh',
    'SyntheticReID',
    'Transform',
    'TwoViews',
]
