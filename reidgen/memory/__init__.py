"""Memories of features and images, and the clusterings that make pseudo-labels of them."""

from reidgen.memory.bank import FeatureBank
from reidgen.memory.centroids import CentroidBank
from reidgen.memory.cluster_quality import ClusterQuality, cluster_quality
from reidgen.memory.clustering import Clusters, JaccardDBSCAN, JaccardHDBSCAN, KMeans
from reidgen.memory.image_pool import ImagePool
from reidgen.memory.jaccard import jaccard_distance

__all__ = [
    'CentroidBank',
    'ClusterQuality',
    'Clusters',
    'FeatureBank',
    'ImagePool',
    'JaccardDBSCAN',
    'JaccardHDBSCAN',
    'KMeans',
    'cluster_quality',
    'jaccard_distance',
]
