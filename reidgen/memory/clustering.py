"""Clusterings of the features of all training images into pseudo-labels, -1 for outliers.

Each is called with features (N, D), rows L2-normalised, and returns `Clusters`. Equal features and
settings give equal labels. `explain` puts the settings beside what the distances were, for the case
of too few clusters.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array, triu
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from torch import Tensor

from reidgen.memory.dbscan import (
    TIES,
    by_first_row,
    core_distances,
    dbscan,
    mean_of_smallest,
    nearest_pairs,
    pairs_within,
    share_of_pairs,
)
from reidgen.memory.jaccard import (
    check_features,
    distance_blocks,
    jaccard_distance,
    neighbour_weights,
)
from reidgen.registry import CLUSTERINGS

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)  # of core distances, for messages


class Clusters(NamedTuple):
    """Pseudo-labels of N images."""

    labels: Tensor  # (N,) int64 on the CPU: 0..num_clusters-1, or -1 for an outlier
    eps: float | None  # the radius used; None where the clustering has none
    num_clusters: int  # may be 0
    num_outliers: int


@CLUSTERINGS.register_module()
class JaccardDBSCAN:
    """DBSCAN on the k-reciprocal Jaccard distance, by which SpCL and GCL make pseudo-labels.

    One number differs from their code by default, the radius of the `rho` rule, where images tie:
    see `ties`.

    Labels are those of scikit-learn's DBSCAN on the dense matrix: clusters are numbered by their
    first core row, and a border row goes to the lowest-numbered cluster in its reach. All images
    may be outliers, and all may form one cluster. Only pairs that may be within eps are held, never
    the matrix.

    Args:
        k1: neighbours searched for the distance, the image itself among them.
        k2: neighbours averaged over in local query expansion, the image itself among them.
        eps: radius of a neighbourhood, above 0 and below 1, inclusive; None takes the `rho` rule.
            Round numbers such as 0.5 are the distance of many pairs, which then depend on rounding.
        rho: share of the non-zero distances whose mean is eps, see `mean_of_smallest`: 2e-3 for
            Market-1501 and DukeMTMC-reID and 1.2e-3 for MSMT17 (GCL: Chen et al., CVPR 2021).
        ties: of the `rho` rule: pairs at distance 0 are 'excluded', as it is written, or 'counted'
            as 0; GCL's code lies between, as its float32 leaves about every other tie at 1e-7 and
            counts it. On random people (docs/results/dbscan_eps.json) 'excluded' gives a radius
            that is 0.1 to 0.3 % above theirs with 12,936 images, 2 to 6 % with 500, and up to 42 %
            with 64, where four pairs make the mean.
        min_samples: images within eps that make a core, itself among them.

    Raises:
        ValueError: settings out of range; when called, as `jaccard_distance` and
            `mean_of_smallest`.
    """

    def __init__(
        self,
        k1: int = 30,
        k2: int = 6,
        eps: float | None = None,
        rho: float = 2e-3,
        min_samples: int = 4,
        ties: str = 'excluded',
    ):
        _check_radius(eps)
        if ties not in TIES:
            raise ValueError(f'ties={ties!r} must be one of {", ".join(TIES)}')
        if not 0 < rho < 1:
            raise ValueError(f'rho={rho} must be a share of the distances, above 0 and below 1')
        _check_at_least_one(min_samples=min_samples)
        self.k1, self.k2, self.eps, self.rho = k1, k2, eps, rho
        self.min_samples, self.ties = min_samples, ties

    def __call__(self, features: Tensor) -> Clusters:
        weights = neighbour_weights(features, self.k1, self.k2)
        blocks, num_images = distance_blocks(weights, upper=True), len(features)
        if self.eps is None:
            pairs = nearest_pairs(blocks, share_of_pairs(self.rho, num_images))
            eps = mean_of_smallest(pairs.distance, num_images, self.rho, self.ties)
        else:
            pairs, eps = pairs_within(blocks, self.eps), self.eps
        return _as_clusters(dbscan(pairs.as_matrix(num_images), eps, self.min_samples), eps)

    def explain(self, features: Tensor, clusters: Clusters) -> str:
        """Radius, min_samples and the quantiles of the distances that they are compared with."""
        weights = neighbour_weights(features, self.k1, self.k2)
        rule = f' by rho={self.rho}' if self.eps is None else ''
        return (
            f'eps={clusters.eps:.4g}{rule}, min_samples={self.min_samples}; '
            f'{_core_quantiles(weights, self.min_samples)}, and is a core where that is at most eps'
        )


@CLUSTERINGS.register_module()
class JaccardHDBSCAN:
    """HDBSCAN (Campello et al., TKDD 2015) on the k-reciprocal Jaccard distance.

    The spanning tree of mutual reachability is found on the sparse distances, in which any pair not
    stored may be joined at distance 1; scikit-learn condenses it. Clusters are numbered by their
    first row. Two images at distance 0 are held to be 1e-9 apart, since a tree stores no zeros.

    Args:
        k1, k2: as in `JaccardDBSCAN`.
        min_cluster_size: images of the smallest cluster, at least 2.
        min_samples: the distance to the so-manyth image, itself among them, is a core distance;
            None takes `min_cluster_size`.

    Raises:
        ValueError: settings out of range; when called, as `jaccard_distance`.
    """

    def __init__(
        self,
        k1: int = 30,
        k2: int = 6,
        min_cluster_size: int = 4,
        min_samples: int | None = None,
    ):
        if min_cluster_size < 2:
            raise ValueError(f'min_cluster_size={min_cluster_size} must be at least 2')
        self.k1, self.k2, self.min_cluster_size = k1, k2, min_cluster_size
        self.min_samples = min_cluster_size if min_samples is None else min_samples
        _check_at_least_one(min_samples=self.min_samples)

    def __call__(self, features: Tensor) -> Clusters:
        tree = mutual_reachability_tree(
            jaccard_distance(features, self.k1, self.k2), self.min_samples
        )
        from sklearn.cluster import HDBSCAN  # a second to import, which others need not wait for

        hdbscan = HDBSCAN(
            min_cluster_size=self.min_cluster_size,
            min_samples=1,  # the weights of the tree count core distances already
            metric='precomputed',
            algorithm='brute',
            copy=True,
        )
        return _as_clusters(by_first_row(hdbscan.fit_predict(tree)))

    def explain(self, features: Tensor, clusters: Clusters) -> str:
        """Sizes, and the quantiles of the core distances."""
        weights = neighbour_weights(features, self.k1, self.k2)
        return (
            f'min_cluster_size={self.min_cluster_size}, min_samples={self.min_samples}; '
            f'{_core_quantiles(weights, self.min_samples)}'
        )


@CLUSTERINGS.register_module()
class KMeans:
    """k-means on the features themselves (scikit-learn, k-means++), without outliers.

    Clusters are numbered by their first row.

    Args:
        num_clusters: of all images; not above their number.
        seed: of the start.

    Raises:
        ValueError: settings out of range; when called, fewer images than clusters, or rows that are
            not finite or not of unit length.
    """

    def __init__(self, num_clusters: int, seed: int = 0):
        _check_at_least_one(num_clusters=num_clusters)
        self.num_clusters, self.seed = num_clusters, seed

    def __call__(self, features: Tensor) -> Clusters:
        check_features(features)
        if self.num_clusters > len(features):
            raise ValueError(
                f'{self.num_clusters} clusters of {len(features)} images; lower num_clusters'
            )
        from sklearn import cluster  # as in HDBSCAN

        kmeans = cluster.KMeans(self.num_clusters, n_init=1, random_state=self.seed, copy_x=True)
        return _as_clusters(by_first_row(kmeans.fit_predict(features.detach().cpu().numpy())))

    def explain(self, features: Tensor, clusters: Clusters) -> str:
        """The number asked for."""
        return f'num_clusters={self.num_clusters}'


def mutual_reachability_tree(distances: csr_array, min_samples: int) -> csr_array:
    """Minimum spanning tree of max(core(i), core(j), d(i, j)) over all pairs (HDBSCAN).

    core(i) is the distance of i to its `min_samples`-th nearest row, itself the first.

    Args:
        distances: (N, N) symmetric in [0, 1], explicit zeros on the diagonal; a pair not stored
            has distance 1.

    Returns:
        (N, N) symmetric float64, N - 1 pairs with weights from 1e-9 to 1, zeros on the diagonal.
    """
    num_rows = distances.shape[0]
    core = core_distances([distances], min_samples)
    pairs = triu(distances, k=1, format='coo')
    weight = np.maximum(np.maximum(core[pairs.row], core[pairs.col]), pairs.data).clip(min=1e-9)
    graph = coo_array((weight, (pairs.row, pairs.col)), shape=distances.shape).tocsr()
    num_parts, part = connected_components(graph, directed=False)
    # rows of different parts share nothing: any pair of them is at distance 1, the largest there is
    _, first = np.unique(part, return_index=True)
    links = (np.ones(num_parts - 1), (first[:-1], first[1:]))
    tree = minimum_spanning_tree(graph + csr_array(links, shape=distances.shape))
    rows, columns = tree.nonzero()
    itself = np.arange(num_rows)
    return csr_array(
        (
            np.concatenate([tree.data, tree.data, np.zeros(num_rows)]),
            (
                np.concatenate([rows, columns, itself]),
                np.concatenate([columns, rows, itself]),
            ),
        ),
        shape=distances.shape,
    )


def _as_clusters(labels: np.ndarray, eps: float | None = None) -> Clusters:
    return Clusters(torch.from_numpy(labels), eps, int(labels.max()) + 1, int((labels == -1).sum()))


def _core_quantiles(weights: csr_array, min_samples: int) -> str:
    """Quantiles of the distances in words, from weights of `neighbour_weights`."""
    core = core_distances(distance_blocks(weights), min_samples)
    values = ', '.join(f'{value:.3g}' for value in np.quantile(core, QUANTILES))
    shares = ', '.join(f'{100 * share:g}' for share in QUANTILES)
    return (
        f'an image is {values} away from its nearest number {min_samples}, itself the first, '
        f'at the quantiles of {shares} %'
    )


def _check_radius(eps: float | None) -> None:
    if eps is not None and not 0 < eps < 1:
        raise ValueError(
            f'eps={eps} must be above 0 and below 1, the distance of images that share no '
            f'neighbour; None takes the rho rule'
        )


def _check_at_least_one(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f'{name}={count} must be at least 1')
