"""Clusterings: labels of scikit-learn on dense matrices, GCL's radius, degenerate input."""

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from dense_jaccard import as_dense, dense_distance, dense_weights
from scipy.sparse import csr_array

from reidgen.memory import dbscan as dbscan_module
from reidgen.memory.clustering import mutual_reachability_tree
from reidgen.memory.dbscan import (
    TIES,
    by_first_row,
    dbscan,
    mean_of_smallest,
    nearest_pairs,
    pairs_within,
)
from reidgen.memory.jaccard import jaccard_distance
from reidgen.registry import CLUSTERINGS


def people(num_rows: int, num_people: int, noise: float, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(num_people, 32, generator=generator)
    identity = torch.randint(num_people, (num_rows,), generator=generator)
    return nnf.normalize(centres[identity] + noise * torch.randn(num_rows, 32, generator=generator))


def build(**settings):
    return CLUSTERINGS.build(settings)


@pytest.fixture(scope='session')
def sklearn():
    """scikit-learn's clusterings, imported where they are used: that takes long."""
    from sklearn import cluster

    return cluster


def as_sparse(dense) -> csr_array:
    """Pairs below distance 1, explicit zeros included."""
    rows, columns = np.nonzero(np.asarray(dense) < 1)
    values = np.asarray(dense)[rows, columns]
    return csr_array((values, (rows, columns)), shape=np.shape(dense))


def random_distances(num_rows: int, share: float, seed: int) -> np.ndarray:
    """Symmetric (N, N) in eighths, many ties, most at 1."""
    generator = np.random.default_rng(seed)
    upper = np.triu(generator.integers(0, 8, (num_rows, num_rows)) / 8, 1)
    upper[generator.random(upper.shape) > share] = 1
    upper = np.triu(upper, 1)
    return upper + upper.T


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('min_samples', [1, 3, 4, 8])
def test_dbscan_labels_are_those_of_scikit_learn_on_the_dense_matrix(seed, min_samples, sklearn):
    dense = random_distances(80, share=0.05, seed=seed)
    for eps in (0.125, 0.25, 0.5, 0.7):
        expected = sklearn.DBSCAN(
            eps=eps, min_samples=min_samples, metric='precomputed'
        ).fit_predict(dense)
        assert dbscan(as_sparse(dense), eps, min_samples).tolist() == expected.tolist()


def test_a_border_row_in_reach_of_two_clusters_goes_to_the_lower_number():
    # on a line, within 4 of one another: 0-3 and 5-8 are cores, row 4 sees 13 and 20 only
    at = np.array([10, 11, 12, 13, 16.5, 20, 21, 22, 23]) / 50
    dense = np.abs(at[:, None] - at)
    assert dbscan(as_sparse(dense), 4 / 50, min_samples=4).tolist() == [0] * 5 + [1] * 4
    backwards = as_sparse(dense[::-1, ::-1])
    assert dbscan(backwards, 4 / 50, min_samples=4).tolist() == [0] * 5 + [1] * 4


@pytest.fixture(scope='module')
def three_thousand() -> tuple[torch.Tensor, np.ndarray]:
    """Features, and their distances by the dense definition."""
    features = people(3000, 300, noise=0.8)
    return features, dense_distance(dense_weights(features, 30, 6))


@pytest.mark.slow
@pytest.mark.parametrize('settings', [dict(eps=0.45), dict(eps=0.35), dict(rho=6e-3)])
def test_clusters_are_those_of_dense_jaccard_and_dbscan_at_3000_images(
    three_thousand, settings, sklearn
):
    features, distances = three_thousand
    found = build(type='JaccardDBSCAN', **settings)(features)
    eps = settings.get('eps')
    if eps is None:
        upper = distances[np.triu_indices(3000, 1)]
        upper = np.sort(upper[upper > 1e-12])  # what rounding leaves of equal weights
        eps = upper[: int(np.round(settings['rho'] * upper.size))].mean()
    assert found.eps == pytest.approx(eps, rel=1e-6)
    expected = sklearn.DBSCAN(eps=eps, min_samples=4, metric='precomputed').fit_predict(distances)
    assert found.labels.tolist() == expected.tolist()
    assert found.labels.dtype == torch.int64
    assert found.num_clusters == expected.max() + 1 > 50
    assert found.num_outliers == (expected == -1).sum()


def test_planted_clusters_are_found_and_the_stray_row_is_an_outlier():
    generator = torch.Generator().manual_seed(0)
    identity = torch.arange(120) % 6
    features = torch.randn(6, 32, generator=generator)[identity]
    features += 0.2 * torch.randn(120, 32, generator=generator)
    features = nnf.normalize(torch.cat([features, -features.sum(0, keepdim=True)]))
    # no query expansion: the mean over its neighbours would make the stray row one of them
    found = build(type='JaccardDBSCAN', k1=20, k2=1, eps=0.6)(features)
    assert found.labels.tolist() == [*identity.tolist(), -1]
    assert found[1:] == (0.6, 6, 1)


def test_radius_is_the_mean_of_the_smallest_share_of_non_zero_distances():
    dense = [
        [0.0, 0.2, 0.0, 0.6],
        [0.2, 0.0, 0.4, 1.0],
        [0.0, 0.4, 0.0, 1.0],
        [0.6, 1.0, 1.0, 0.0],
    ]  # five non-zero pairs: .2 .4 .6 1 1
    stored = np.array([0.2, 0.0, 0.6, 0.4])
    assert sorted(stored) == sorted(as_sparse(np.triu(dense, 1) + np.tril(np.ones((4, 4)))).data)
    assert mean_of_smallest(stored, 4, 0.2) == pytest.approx(0.2)
    assert mean_of_smallest(stored, 4, 0.3) == pytest.approx(0.3)  # 1.5 rounds to 2 pairs
    assert mean_of_smallest(stored, 4, 0.5) == pytest.approx(0.3)  # 2.5 rounds to 2 pairs
    assert mean_of_smallest(stored, 4, 0.6) == pytest.approx(0.4)
    assert mean_of_smallest(stored, 4, 0.8) == pytest.approx(2.2 / 4)  # one that is not stored
    with pytest.raises(ValueError, match=r'rho=0\.05 of the pairs of 4 images \(1 of them at dist'):
        mean_of_smallest(stored, 4, 0.05)
    with pytest.raises(ValueError, match='no two different images share a neighbour'):
        mean_of_smallest(np.zeros(3), 4, 0.5)


@pytest.mark.parametrize('spare', [10, 10**6])
def test_the_nearest_pairs_of_a_stream_are_those_of_a_sort(spare, monkeypatch):
    monkeypatch.setattr(dbscan_module, 'SPARE_PAIRS', spare)
    dense = random_distances(90, share=0.3, seed=1)
    upper = as_sparse(np.triu(dense) + np.tril(np.ones_like(dense)))
    blocks = [upper[start : start + 7] for start in range(0, 90, 7)]
    for count in (1, 60, 200, 10**5):
        found = nearest_pairs(iter(blocks), count)
        positive = np.sort(upper.data[upper.data > 0])
        expected = upper.data <= positive[:count][-1]
        assert np.sort(found.distance).tolist() == np.sort(upper.data[expected]).tolist()
        assert (dense[found.row, found.column] == found.distance).all()
    within = pairs_within(iter(blocks), 0.25)
    assert len(within.row) == (upper.data <= 0.25).sum() > 0
    assert (
        np.triu(within.as_matrix(90).toarray() > 0) == ((upper.toarray() > 0) & (dense <= 0.25))
    ).all()


def test_all_outliers_are_a_result():
    found = build(type='JaccardDBSCAN', k1=2, k2=1, eps=0.1)(people(40, 40, noise=1.0))
    assert found.labels.tolist() == [-1] * 40
    assert (found.num_clusters, found.num_outliers) == (0, 40)


def test_one_cluster_is_a_result_also_of_equal_rows():
    for features in (people(30, 1, noise=0.01), people(1, 1, noise=0.1).repeat(30, 1)):
        found = build(type='JaccardDBSCAN', k1=29, eps=0.9)(features)
        assert found.labels.tolist() == [0] * 30
        assert (found.num_clusters, found.num_outliers) == (1, 0)


@pytest.mark.parametrize('min_samples', [2, 5])
def test_the_tree_weighs_what_the_dense_one_does(min_samples):
    distances = jaccard_distance(people(150, 12, noise=0.2), 10, 3)
    dense = as_dense(distances)
    core = np.sort(dense, axis=1)[:, min_samples - 1]
    reach = np.maximum(np.maximum(core[:, None], core), dense)
    # Prim, slowly
    inside, weights = [0], []
    while len(inside) < 150:
        outside = np.setdiff1d(np.arange(150), inside)
        block = reach[np.ix_(inside, outside)]
        weights.append(block.min())
        inside.append(outside[block.min(0).argmin()])
    tree = mutual_reachability_tree(distances, min_samples)
    found = np.sort(tree.data[tree.data > 0])[::2]
    assert found == pytest.approx(np.sort(weights), abs=1e-8)
    assert (np.array(weights) == 1).any()  # parts that share nothing were joined


def test_hdbscan_labels_are_those_of_scikit_learn_on_the_dense_matrix(sklearn):
    features = people(400, 25, noise=0.5)
    found = build(type='JaccardHDBSCAN', k1=15, min_cluster_size=5)(features)
    expected = sklearn.HDBSCAN(5, metric='precomputed', copy=True).fit_predict(
        as_dense(jaccard_distance(features, 15, 6))
    )
    assert found.labels.tolist() == by_first_row(expected).tolist()
    assert found.num_clusters > 10
    assert found.eps is None


def test_kmeans_finds_planted_clusters_and_repeats_itself():
    features = people(200, 8, noise=0.05)
    found = build(type='KMeans', num_clusters=8)(features)
    again = build(type='KMeans', num_clusters=8)(features)
    assert torch.equal(found.labels, again.labels)
    assert (found.num_clusters, found.num_outliers, found.eps) == (8, 0, None)
    near = features @ features.t() > 0.8
    assert torch.equal(found.labels[:, None] == found.labels, near)


def test_labels_are_renumbered_by_their_first_row():
    assert by_first_row(np.array([3, -1, 0, 3, -2, 1])).tolist() == [0, -1, 1, 0, -1, 2]


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(type='JaccardDBSCAN', eps=1.0), r'eps=1\.0 must be above 0 and below 1'),
        (dict(type='JaccardDBSCAN', rho=0), 'rho=0 must be a share'),
        (dict(type='JaccardDBSCAN', min_samples=0), 'min_samples=0 must be at least 1'),
        (dict(type='JaccardHDBSCAN', min_cluster_size=1), 'min_cluster_size=1'),
        (dict(type='KMeans', num_clusters=0), 'num_clusters=0 must be at least 1'),
    ],
)
def test_settings_out_of_range_raise_at_build_time(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)


def test_a_share_below_one_pair_raises_with_the_fix():
    with pytest.raises(ValueError, match='is no pair at all; raise rho, or give a fixed eps'):
        build(type='JaccardDBSCAN', k1=8, rho=1e-9)(people(40, 5, noise=0.3))


def test_bad_features_raise_whatever_the_clustering():
    features = people(40, 5, noise=0.3)
    features[3] = torch.nan
    for settings in (
        dict(type='JaccardDBSCAN', k1=5),
        dict(type='JaccardHDBSCAN', k1=5),
        dict(type='KMeans', num_clusters=5),
    ):
        with pytest.raises(ValueError, match='NaN or Inf in 1 of 40 feature rows, first 3'):
            build(**settings)(features)


def test_more_clusters_than_images_raise():
    with pytest.raises(ValueError, match='9 clusters of 5 images'):
        build(type='KMeans', num_clusters=9)(people(5, 5, noise=0.1))


def test_counted_ties_enter_the_radius_as_zeros():
    stored = np.array([0.2, 0.0, 0.6, 0.4])  # of 6 pairs, two of them at distance 1
    assert mean_of_smallest(stored, 4, 0.5, 'counted') == pytest.approx((0 + 0.2 + 0.4) / 3)
    assert mean_of_smallest(stored, 4, 0.8, 'counted') == pytest.approx(
        (0 + 0.2 + 0.4 + 0.6 + 1) / 5
    )
    with pytest.raises(ValueError, match=r"nearest 1 pairs of 4 images.*ties='excluded'"):
        mean_of_smallest(stored, 4, 0.2, 'counted')
    with pytest.raises(ValueError, match=r"ties='all' must be one of excluded, counted"):
        build(type='JaccardDBSCAN', ties='all')


def test_counted_ties_make_the_radius_of_equal_images_smaller():
    features = people(60, 6, noise=0.3)
    features = features[torch.arange(120) % 60]  # every image twice: at least 60 ties
    settings = dict(type='JaccardDBSCAN', k1=12, k2=3, rho=0.1)
    excluded, counted = (build(**settings, ties=ties)(features).eps for ties in TIES)
    upper = as_dense(jaccard_distance(features, 12, 3))[np.triu_indices(120, 1)]
    assert (upper == 0).sum() >= 60
    smallest = np.sort(upper)[: round(0.1 * len(upper))]
    assert counted == pytest.approx(smallest.mean(dtype=np.float64), rel=1e-6)
    assert counted < excluded


@pytest.mark.parametrize('kind', ['JaccardDBSCAN', 'JaccardHDBSCAN'])
def test_an_explanation_tells_the_settings_and_quantiles_of_core_distances(kind):
    features = people(60, 6, noise=0.4)
    clustering = build(type=kind, k1=12, k2=3, min_samples=5)
    text = clustering.explain(features, clustering(features))
    nearest = np.sort(as_dense(jaccard_distance(features, 12, 3)), axis=1)[:, 4]
    at = ', '.join(f'{value:.3g}' for value in np.quantile(nearest, [0.05, 0.25, 0.5, 0.75, 0.95]))
    assert f'an image is {at} away from its nearest number 5, itself the first' in text
    assert 'min_samples=5' in text
    if kind == 'JaccardDBSCAN':
        assert text.startswith(f'eps={clustering(features).eps:.4g} by rho=0.002, min_samples=5; ')
