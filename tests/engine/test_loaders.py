"""Configs of the training loaders and their errors, which name the place."""

import pytest

from reidgen.datasets import ShapesReID
from reidgen.engine.loaders import ParallelLoader, build_loader, statistics_loader

CFG = dict(dataset={}, batch_size=4, sampler=dict(type='ShuffleSampler'))


@pytest.fixture(scope='module')
def data() -> ShapesReID:
    return ShapesReID('a', num_identities=4, images_per_identity=2)


def test_an_unknown_key_is_refused_with_the_nearest_and_the_known_ones(data):
    with pytest.raises(
        ValueError,
        match=r"val_dataloader\.identity: unknown key 'batchsize' "
        r"\(did you mean 'batch_size'\?\); known: dataset, batch_size, sampler",
    ):
        build_loader(data, CFG | dict(batchsize=8), 0, 'identity', 'val_dataloader')


@pytest.mark.parametrize('key', ['shuffle', 'batch_sampler', 'generator'])
def test_the_order_is_left_to_the_sampler(key, data):
    with pytest.raises(ValueError, match=f"unknown key '{key}'"):
        build_loader(data, CFG | {key: None}, 0, 'identity')


@pytest.mark.parametrize('key', ['batch_size', 'sampler'])
def test_a_missing_key_is_refused_with_the_loader(key, data):
    cfg = {name: value for name, value in CFG.items() if name != key}
    with pytest.raises(
        ValueError, match=rf'train_dataloader\.identity: no {key}; a loader needs .*set each'
    ):
        build_loader(data, cfg, 0, 'identity')


@pytest.mark.parametrize(
    'sampler, error',
    [
        (
            dict(type='IdentitySampler', num_identity=2, num_images=2),
            r"takes no 'num_identity' \(did you mean 'num_identities'\?\); known: .*num_images",
        ),
        (dict(type='IdentitySampler', num_images=2), r'needs num_identities; set train_data.*_ide'),
        (dict(type='IdentitySamplr'), r"registered as 'IdentitySamplr' .*mean 'IdentitySampler'"),
        (dict(num_images=2), r'is .*num_images.*; give dict\(type=.*IdentitySampler'),
        ('ShuffleSampler', r"is 'ShuffleSampler'; give dict\(type="),
    ],
)
def test_a_wrong_sampler_is_refused_with_its_place_and_what_is_known(sampler, error, data):
    with pytest.raises(ValueError, match=rf'^train_dataloader\.identity\.sampler:? ?.*{error}'):
        build_loader(data, CFG | dict(sampler=sampler), 0, 'identity')


@pytest.mark.parametrize(
    'values', [dict(num_workers=-1), dict(prefetch_factor=2), dict(timeout=-3)]
)
def test_a_value_that_a_loader_does_not_take_is_refused_with_its_place(values, data):
    with pytest.raises(ValueError, match=r'^train_dataloader\.identity: .*; correct the value'):
        build_loader(data, CFG | values, 0, 'identity')


def test_keys_of_a_data_loader_reach_it(data):
    loader = build_loader(data, CFG | dict(timeout=5, num_workers=1), 0, 'identity')
    assert (loader.timeout, loader.num_workers, loader.batch_size) == (5, 1, 4)


def test_a_sampler_that_cannot_be_resumed_is_refused_for_training_with_those_that_can(data):
    loader = build_loader(data, CFG | dict(sampler=dict(type='DefaultSampler')), 0, 'source')
    with pytest.raises(
        ValueError,
        match=r'train_dataloader\.source\.sampler is DefaultSampler, .* '
        r'train_dataloader\.source\.sampler\.type to one of .*ClusterSampler, '
        r'IdentitySampler, ProxySampler, PseudoLabelSampler, ShuffleSampler$',
    ):
        ParallelLoader(dict(source=loader), 1)
    ParallelLoader(dict(source=build_loader(data, CFG, 0, 'source')), 1)


@pytest.mark.parametrize('num_rows, sizes', [(201, [100, 100]), (128, [128]), (50, [50]), (2, [2])])
def test_rows_for_statistics_are_divided_evenly_and_almost_none_is_left_out(num_rows, sizes):
    data = ShapesReID('a', num_identities=60, images_per_identity=4, size=(8, 4))
    rows = list(range(0, num_rows))
    batches = list(statistics_loader(data, rows, batch_size=128))
    assert [len(batch.index) for batch in batches] == sizes
    assert {row for batch in batches for row in batch.index.tolist()} <= set(rows)
    again = list(statistics_loader(data, rows, batch_size=128))
    assert [b.index.tolist() for b in batches] == [b.index.tolist() for b in again]
