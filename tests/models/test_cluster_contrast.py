"""ClusterContrast: what an iteration moves, both methods, and errors before training."""

from collections import namedtuple
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as nnf

from reidgen.engine import OptimizerPerGroup, run_phases
from reidgen.losses import InterCameraContrast, ProxyContrast
from reidgen.models import ClusterContrast
from reidgen.structures import ImageBatch

NUM_ROWS, EMBED_DIM = 10, 8
LABELS, CAMIDS = torch.arange(NUM_ROWS) // 3 - 1, torch.arange(NUM_ROWS) % 2
Batch = namedtuple('Batch', ['target'])
PROXIES = dict(
    contrast=dict(type='ProxyContrast', same_camera=True),
    inter=dict(type='InterCameraContrast'),
    loss_weights=dict(cluster=1.0, inter=0.5),
)


def build(per_camera: bool = False, bank: dict | None = None, **changes) -> ClusterContrast:
    """The model with clusters of rows 3 to 5, 6 to 8 and 9, over two cameras."""
    torch.manual_seed(0)
    sized = dict(type='CentroidBank', num_samples=NUM_ROWS, dim=EMBED_DIM, per_camera=per_camera)
    defaults = dict(
        networks=dict(E_c=dict(type='ToyContentEncoder')),
        contrast=dict(type='ProxyContrast'),
        bank=sized | (bank or {}),
        loss_weights=dict(cluster=1.0),
    )
    model = ClusterContrast(**defaults | (PROXIES if per_camera else {}) | changes)
    if hasattr(model.bank, 'proxies'):
        model.bank.fill(torch.randn(NUM_ROWS, EMBED_DIM), model.bank.labels)
        model.bank.set_labels(LABELS, CAMIDS)
    return model.train()


@pytest.fixture
def batch() -> Batch:
    index = torch.tensor([3, 4, 8, 9])
    img = torch.randn(4, 3, 32, 16, generator=torch.Generator().manual_seed(0))
    return Batch(ImageBatch(img, torch.full((4,), -1), CAMIDS[index], index))


@pytest.mark.parametrize('per_camera', [False, True])
def test_an_iteration_moves_the_encoder_and_the_centroids_of_the_batch_alone(per_camera, batch):
    model = build(per_camera)
    optim = OptimizerPerGroup(dict(E_c=dict(networks=['E_c'], type='SGD', lr=0.1)))(model)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    logs = run_phases(model, batch, optim, iteration=0, done=0)
    after = model.state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    memory = {key for key in changed if key.startswith('bank.')}
    assert memory == {'bank.centroids'}
    assert {key.partition('.')[0] for key in changed - memory} == {'E_c'}
    own = model.bank.own[batch.target.index]
    moved = (before['bank.centroids'] != after['bank.centroids']).any(1).nonzero().flatten()
    assert moved.tolist() == sorted(set(own.tolist()))
    inter = {'T/loss_inter.t'} if per_camera else set()
    assert set(logs) == {'T/loss', 'T/loss_cluster.t'} | inter


def test_the_memory_is_read_before_it_is_written_with_the_embeddings_that_were_compared(batch):
    model = build(bank=dict(momentum=0.0))
    known = model.bank.proxies()
    v = model.embed_target(batch)
    expected = ProxyContrast()(model.bank, v, batch.target.index)
    row = known.own[9]
    model.load_state_dict(build().state_dict())  # batch norm as before the forward
    optim = OptimizerPerGroup(dict(E_c=dict(networks=['E_c'], type='SGD', lr=0.1)))(model)
    logs = run_phases(model, batch, optim, iteration=0, done=0)
    assert torch.equal(logs['T/loss_cluster.t'], expected.detach())
    torch.testing.assert_close(model.bank.centroids[row], nnf.normalize(v[3], dim=0))


def test_camera_aware_proxies_weigh_the_inter_camera_loss_beside_the_intra_camera_loss(batch):
    model = build(per_camera=True)
    v, index = model.embed_target(batch), batch.target.index
    losses = model.cluster_losses(batch, v)
    intra = ProxyContrast(same_camera=True)(model.bank, v, index)
    assert torch.equal(losses['cluster.t'], intra)
    assert torch.equal(losses['inter.t'], InterCameraContrast()(model.bank, v, index))
    model.enter_stage('intra', loss_weights=dict(inter=0.0))
    assert set(model.cluster_losses(batch, v)) == {'cluster.t'}


def test_features_are_normalised_embeddings(batch):
    model = build().eval()
    expected = nnf.normalize(model.E_c(batch.target.img).embedding)
    torch.testing.assert_close(model.embed(batch.target.img), expected)


@pytest.mark.parametrize(
    'changes, error',
    [
        (dict(bank=dict(type='CentroidBank', num_samples=4, dim=9)), r'set model\.bank\.dim=8'),
        (dict(bank=dict(type='FeatureBank', num_samples=4, dim=8)), r"type='CentroidBank'"),
        (dict(contrast=dict(type='ProxyContrast', same_camera=True)), 'set both, .* or none'),
        (dict(loss_weights=dict(cluster=1.0, inter=0.5)), r'model: loss_weights\.inter is not 0'),
        (dict(loss_weights=dict(cluster=0.0)), r'model: loss_weights\.cluster is 0'),
        (dict(networks=dict(E=dict(type='ToyContentEncoder'))), r"needs the networks \['E_c'\]"),
    ],
)
def test_parts_that_do_not_fit_are_refused_when_the_model_is_built(changes, error):
    arguments = dict(
        networks=dict(E_c=dict(type='ToyContentEncoder')),
        contrast=dict(type='ProxyContrast'),
        bank=dict(type='CentroidBank', num_samples=4, dim=8),
        loss_weights=dict(cluster=1.0),
    )
    with pytest.raises(ValueError, match=error):
        ClusterContrast(**arguments | changes)


def checked(model: ClusterContrast, labels='cluster', weights=None, **data) -> None:
    known = dict(name='data', num_identities=0, camids=CAMIDS)
    dataset = type('Data', (SimpleNamespace,), dict(__len__=lambda self: self.num_images))(
        **known | dict(num_images=NUM_ROWS) | data
    )
    stage = SimpleNamespace(
        name='warm_up',
        labels=labels,
        loss_weights=weights or {},
        fields=lambda names: {name: name for name in names},
    )
    model.check_data(dict(target=dataset), dict(target=4), [stage])


def test_data_and_stages_that_do_not_fit_are_refused_before_training():
    checked(build())
    checked(build(per_camera=True))
    with pytest.raises(ValueError, match=r'set model\.bank\.num_samples=11'):
        checked(build(), num_images=11)
    with pytest.raises(ValueError, match=r"stage warm_up: .* set labels='cluster' in the stage"):
        checked(build(), labels='identity')
    with pytest.raises(ValueError, match='and labelled=False in the data set data'):
        checked(build(), num_identities=3)
    with pytest.raises(ValueError, match=r'all images of data are of one camera'):
        checked(build(per_camera=True), camids=torch.zeros(NUM_ROWS))
    with pytest.raises(ValueError, match=r'stage warm_up: loss_weights\.inter is not 0'):
        checked(build(), weights=dict(inter=1.0))
