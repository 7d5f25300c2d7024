"""PPLR: what an iteration moves, what is clustered and tested, errors, and the configs."""

from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as nnf

from projects.pplr.pplr import PPLR, PartPseudoLabelHook
from reidgen.datasets import ShapesReID
from reidgen.engine import OptimizerPerGroup, ReIDRunner, run_phases
from reidgen.engine.config import load_config
from reidgen.models import ClusterContrast
from reidgen.structures import ImageBatch

CONFIGS = Path(__file__).parents[1] / 'configs'
NUM_ROWS, PARTS = 12, 2
LABELS, CAMIDS = torch.arange(NUM_ROWS) // 3 - 1, torch.arange(NUM_ROWS) % 2
Batch = namedtuple('Batch', ['target'])

# ---- model ----

OPTIONS = dict(
    networks=dict(E_c=dict(type='PartEncoder', trunk='mobilenet_v2', num_parts=PARTS)),
    contrast=dict(type='PartRefinedContrast', temperature=0.07, same_camera=True),
    inter=dict(type='InterCameraContrast'),
    bank=dict(
        type='PartCentroidBank', num_samples=NUM_ROWS, dim=1280, num_parts=PARTS,
        num_neighbours=4, per_camera=True,
    ),
    loss_weights=dict(cluster=1.0, part=0.5, inter=0.25),
    refined_stages=['refined'],
)  # fmt: skip


@pytest.fixture(scope='module')
def model() -> PPLR:
    torch.manual_seed(0)
    model = PPLR(**OPTIONS)
    model.bank.fill(torch.randn(NUM_ROWS, 3 * 1280), model.bank.labels)
    model.bank.set_labels(LABELS, CAMIDS)
    return model.train()


@pytest.fixture
def batch() -> Batch:
    index = torch.tensor([3, 4, 8, 9])
    img = torch.randn(4, 3, 64, 32, generator=torch.Generator().manual_seed(0))
    return Batch(ImageBatch(img, torch.full((4,), -1), CAMIDS[index], index))


def test_an_iteration_moves_the_encoder_and_the_centroids_alone(model, batch):
    model.enter_stage('refined')
    optim = OptimizerPerGroup(dict(E_c=dict(networks=['E_c'], type='SGD', lr=0.1)))(model)
    old = {key: value.clone() for key, value in model.state_dict().items()}
    logs = run_phases(model, batch, optim, iteration=0, done=0)
    new = model.state_dict()
    moved = {key for key in old if not torch.equal(old[key], new[key])}
    memory = {key for key in moved if key.startswith('bank.')}
    assert memory == {'bank.centroids', 'bank.parts.0.centroids', 'bank.parts.1.centroids'}
    assert {key.partition('.')[0] for key in moved - memory} == {'E_c'}
    assert {'E_c.part_neck.weight', 'E_c.part_neck.running_mean', 'E_c.neck.weight'} <= moved
    assert 'E_c.part_neck.bias' not in moved
    whole = logs['T/loss_cluster.t'] + 0.25 * logs['T/loss_inter.t']
    parts = 0.5 * logs['T/loss_part.t'] + 0.25 * logs['T/loss_inter.part']
    torch.testing.assert_close(logs['T/loss'], whole + parts)


def test_the_part_embeddings_are_normalised_stripes_of_the_last_map(model, batch):
    model.eval()
    stripes = nnf.adaptive_avg_pool2d(model.E_c.feature_map(batch.target.img), (PARTS, 1))[..., 0]
    neck = model.E_c.part_neck
    shape = (PARTS, 1280)
    mean, var, weight = (
        each.view(shape) for each in (neck.running_mean, neck.running_var, neck.weight)
    )
    expected = (stripes.transpose(1, 2) - mean) / (var + neck.eps).sqrt() * weight
    torch.testing.assert_close(model.embed_target(batch).parts, expected, rtol=1e-4, atol=1e-4)
    model.train()


def test_labels_are_refined_in_the_stages_named_alone(model, batch):
    x = model.embed_target(batch)
    for stage, refine in (('parts', False), ('refined', True)):
        model.enter_stage(stage)
        losses = model.cluster_losses(batch, x)
        found = model.contrast.refined(model.bank, x.v, x.parts, batch.target.index, refine)
        assert torch.equal(losses['cluster.t'], found.whole)
        assert torch.equal(losses['part.t'], found.parts)


def test_images_are_tested_by_the_whole_and_clustered_with_parts_in_the_memory(model):
    model.eval()
    data = ShapesReID('b', num_identities=3, images_per_identity=4, size=(64, 32))
    runner = SimpleNamespace(
        model=model, val_loop=None, train_loop=SimpleNamespace(dataset_of=lambda field: data)
    )
    hook = PartPseudoLabelHook(clustering=dict(type='KMeans', num_clusters=2))
    found = hook.embed(runner, 'target')
    assert found.shape == (12, 3 * 1280)
    img = model.data_preprocessor(
        ImageBatch(data.plain()[5].img[None], *(torch.tensor([0]),) * 3)
    ).img
    torch.testing.assert_close(nnf.normalize(found[5:6, :1280]), model.embed(img))
    model.train()


@pytest.mark.parametrize(
    'changes, error',
    [
        (dict(bank=dict(type='CentroidBank')), r'model\.bank is a CentroidBank.*PartCentroidBank'),
        (dict(bank=dict(num_parts=3)), r'model\.bank\.num_parts is 3 but E_c has 2'),
        (dict(contrast=dict(type='ProxyContrast')), r"model\.contrast\.type='PartRefinedContrast'"),
        (dict(contrast=dict(beta=1.5)), 'beta is 1.5'),
    ],
)
def test_parts_that_do_not_fit_are_refused_when_the_model_is_built(changes, error):
    options = {key: OPTIONS[key] | value for key, value in changes.items()}
    if 'type' in changes.get('bank', {}):
        del options['bank']['num_parts'], options['bank']['num_neighbours']
    with pytest.raises(ValueError, match=error):
        PPLR(**(OPTIONS | options))


def test_an_unknown_refined_stage_is_refused_before_training(model, monkeypatch):
    monkeypatch.setattr(ClusterContrast, 'check_data', lambda *args: None)
    with pytest.raises(ValueError, match=r"refined_stages names \['refined'\].* are parts"):
        model.check_data({}, {}, [SimpleNamespace(name='parts')])


# ---- configs ----


def small(cfg) -> None:
    """Drawn figures, one iteration a stage; in place."""
    cfg.model.bank.update(num_samples=16, num_neighbours=4, dim=1280)
    cfg.model.networks.E_c.update(weights=None, trunk='mobilenet_v2')
    for loader, split in (
        (cfg.train_dataloader.target, 'train'),
        (cfg.val_dataloader.target, 'query+gallery'),
    ):
        loader.dataset = dict(
            type='ShapesReID', domain='b', num_identities=4, split=split, labelled=split != 'train',
            transforms=[dict(type='Resize', size=(64, 32))],
        )  # fmt: skip
        loader.update(num_workers=0, batch_size=4)
    cfg.train_dataloader.target.sampler.update(num_identities=2, num_images=2)
    if 'bn_group' in cfg:
        cfg.bn_group = 2
    cfg.default_hooks.pseudo_label.clustering = dict(type='KMeans', num_clusters=3)
    for stage in cfg.train_cfg.stages:
        stage.iters = 1


@pytest.mark.slow
@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*.py')), ids=lambda path: path.stem)
def test_config_trains_one_iteration_of_each_stage(path, tmp_path):
    cfg = load_config(path)
    small(cfg)
    cfg.work_dir = str(tmp_path)
    ReIDRunner.from_cfg(cfg).train()
    for stage in cfg.train_cfg.stages:
        assert (tmp_path / f'stage_{stage.name}.pth').exists()
    assert 'mAP' in (tmp_path / 'report.md').read_text()
