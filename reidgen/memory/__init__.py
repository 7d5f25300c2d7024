"""Memories: feature banks, image pools, and pseudo-labels by clustering."""

from reidgen.memory.bank import FeatureBank
from reidgen.memory.clustering import Clusters, JaccardDBSCAN, JaccardHDBSCAN, KMeans
from reidgen.memory.image_pool import ImagePool
from reidgen.memory.jaccard import jaccard_distance

__all__ = [
    'Clusters',
    'FeatureBank',
    'ImagePool',
    'JaccardDBSCAN',
    'JaccardHDBSCAN',
    'KMeans',
    'jaccard_distance',
]
