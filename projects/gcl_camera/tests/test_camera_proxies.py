"""ProxyGCL: what its step of pairs and proxies moves and sums, and what does not fit."""

from collections import namedtuple

import pytest
import torch

from projects.gcl_camera.gcl_camera import ProxyGCL
from reidgen.engine import OptimizerPerGroup, run_phases
from reidgen.engine.stages import Stage
from reidgen.structures import ImageBatch

NUM_ROWS, SIZE = 10, (32, 16)
CLUSTERS, CAMIDS = torch.arange(NUM_ROWS) // 3 - 1, torch.arange(NUM_ROWS) % 2
OPTIONS = dict(
    proxies=dict(type='ProxyContrast', temperature=0.07, same_camera=True),
    inter=dict(type='InterCameraContrast', temperature=0.07, num_negatives=50),
    bank_t=dict(type='CentroidBank', num_samples=NUM_ROWS, dim=8, per_camera=True),
    loss_weights=dict(inter=0.5, memory=2.0),
)
Batch = namedtuple('Batch', ['pairs', 'clusters'])
Pairs = namedtuple('Pairs', ['img', 'second', 'index'])


@pytest.fixture
def model(build_toy) -> ProxyGCL:
    """With clusters of rows 3 to 5, 6 to 8 and 9, over two cameras."""
    model = build_toy(kind=ProxyGCL, **OPTIONS)
    model.bank_t.fill(torch.randn(NUM_ROWS, 8), model.bank_t.labels)
    model.bank_t.set_labels(CLUSTERS, CAMIDS)
    return model


@pytest.fixture
def batch() -> Batch:
    rng = torch.Generator().manual_seed(0)
    img, second, target = (torch.randn(4, 3, *SIZE, generator=rng) for _ in range(3))
    index = torch.tensor([3, 4, 8, 9])
    clusters = ImageBatch(target, torch.full((4,), -1), CAMIDS[index], index)
    return Batch(Pairs(img, second, torch.tensor([1, 2, 4, 7])), clusters)


def step(model: ProxyGCL, phase: str, batch: Batch) -> dict[str, torch.Tensor]:
    """Logs of the first iteration of a stage of that phase."""
    model.enter_stage('proxies', phases=(phase,))
    group = dict(networks=['E_c'], phases=['M', 'T', 'B'], type='SGD', lr=0.1)
    return run_phases(model, batch, OptimizerPerGroup(dict(T=group))(model), iteration=0, done=0)


def test_pairs_and_proxies_move_the_encoder_and_both_memories_in_one_step(model, batch):
    old = {key: value.clone() for key, value in model.state_dict().items()}
    step(model, 'B', batch)
    new = model.state_dict()
    moved = {key for key in old if not torch.equal(new[key], old[key])}
    assert {key for key in moved if key[:4] == 'bank'} == {'bank.features', 'bank_t.centroids'}
    assert {key.partition('.')[0] for key in moved} == {'E_c', 'bank', 'bank_t'}


def test_the_step_of_both_sums_the_terms_of_the_two_phases_by_their_weights(model, batch):
    start = {key: value.clone() for key, value in model.state_dict().items()}
    logs = {}
    for phase in 'MTB':
        model.load_state_dict(start)
        logs[phase] = step(model, phase, batch)
    told = {key.partition('/')[2]: value for key, value in logs['B'].items()}
    assert told.keys() == {'loss', 'loss_memory.views', 'loss_cluster.t', 'loss_inter.t'}
    assert told['loss_memory.views'] == logs['M']['M/loss_memory.views']
    assert told['loss_cluster.t'] == logs['T']['T/loss_cluster.t']
    weighed = 2 * told['loss_memory.views'] + told['loss_cluster.t'] + 0.5 * told['loss_inter.t']
    torch.testing.assert_close(told['loss'], weighed)


def test_the_inter_camera_loss_reaches_the_proxies_of_other_cameras(model, batch):
    index = batch.clusters.index
    x = model.bank_t.centroids[model.bank_t.own[index]].clone().requires_grad_()
    intra = model.proxies(model.bank_t, x, index)
    both = sum(model.cluster_losses(batch, x).values())
    assert both > intra  # one cluster at least has two cameras here
    torch.testing.assert_close(both - intra, model.inter(model.bank_t, x, index))


@pytest.mark.parametrize(
    'changes, error',
    [
        (dict(bank_t=dict(num_samples=NUM_ROWS, dim=8)), "set model.bank_t.type='CentroidBank'"),
        (dict(bank_t=OPTIONS['bank_t'] | dict(per_camera=False)), 'per_camera=True'),
        (dict(proxies=dict(type='ProxyContrast')), 'set model.proxies.same_camera=True'),
    ],
)
def test_a_memory_or_criterion_without_cameras_is_refused(changes, error, build_toy):
    with pytest.raises(ValueError, match=error):
        build_toy(kind=ProxyGCL, **OPTIONS | changes)


def test_a_memory_of_single_target_images_is_refused_before_training(model):
    stage = Stage('joint', 1, phases=('T',), loaders=('clusters',), loss_weights=dict(memory_t=1.0))
    with pytest.raises(ValueError, match=r'stage joint: loss_weights\.memory_t is 1\.0'):
        model.check_data({}, {}, [stage])
