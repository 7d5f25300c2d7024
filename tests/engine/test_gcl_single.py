"""Trainings of single-domain GCL: memory, pseudo-labels and their log, resuming."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from memory_runs import SINGLE, trained
from mmengine.hooks import Hook
from test_resume import assert_same_end

from reidgen.checkpoint import read_checkpoint
from reidgen.engine.cluster_log import true_pids
from reidgen.engine.embedding import embed_dataset
from reidgen.engine.hooks import PseudoLabelHook
from reidgen.memory import cluster_quality

pytestmark = pytest.mark.slow


# of trainings whose files are not looked at
FEW_FILES = {
    'default_hooks.checkpoint.interval': 100,
    'default_hooks.pseudo_label.num_drawn': 0,
}


class Witness(Hook):
    """What every iteration draws, the labels that it draws by, and the memory at first."""

    priority = 'LOWEST'

    def __init__(self):
        self.drawn: dict[str, list] = {}
        self.first: dict[str, tuple] = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        stage, bank = runner.train_loop.stage.name, runner.model.bank
        if stage not in self.first:
            data = runner.train_loop.dataset_of('target')
            own = [embed_dataset(runner.model, data.plain(), batch_size) for batch_size in (32, 1)]
            self.first[stage] = bank.features.clone(), *own
        rows = data_batch.target.index
        self.drawn.setdefault(stage, []).append((rows.tolist(), bank.labels[rows].tolist()))


@pytest.fixture(scope='module')
def witness() -> Witness:
    return Witness()


@pytest.fixture(scope='module')
def run(tmp_path_factory, witness):
    """A finished training with a checkpoint every other iteration; not to be changed."""
    return trained(tmp_path_factory.mktemp('single'), config=SINGLE, hooks=[witness])


def state(work: Path, name: str) -> dict:
    return read_checkpoint(work / name)['state_dict']


def test_the_memory_holds_eval_mode_features_by_row_when_the_joint_stage_begins(run, witness):
    for stage in ('joint', 'turned'):
        features, at_once, one_by_one = witness.first[stage]
        torch.testing.assert_close(features, at_once)
        torch.testing.assert_close(features, one_by_one)
    assert len({tuple(row) for row in witness.first['joint'][0].tolist()}) == 32


def test_a_memory_that_was_loaded_is_filled_anew_when_the_joint_stage_begins(run, tmp_path):
    witness, path = Witness(), str(Path(run.work_dir, 'stage_joint.pth'))
    trained(tmp_path, FEW_FILES, config=SINGLE, hooks=[witness], load_from=path)
    features, at_once, _ = witness.first['joint']
    torch.testing.assert_close(features, at_once)
    assert not torch.allclose(features, read_checkpoint(path)['state_dict']['bank.features'])


@pytest.mark.parametrize('features, embedded', [('fresh', 4), ('stage', 2), ('bank', 1)])
def test_images_are_embedded_for_each_clustering_or_stage_or_once(
    tmp_path, monkeypatch, features, embedded
):
    calls = []
    embed = PseudoLabelHook.embed
    monkeypatch.setattr(PseudoLabelHook, 'embed', lambda *args: calls.append(args) or embed(*args))
    one = {'train_cfg.stages.2.start': 'last', 'default_hooks.pseudo_label.features': features}
    trained(tmp_path, one | FEW_FILES, config=SINGLE)
    assert len(calls) == embedded  # three clusterings in joint, one in turned


def test_outliers_are_not_drawn_but_where_all_images_are(run, witness):
    for stage in ('joint', 'turned'):
        assert all(min(labels) >= 0 for _, labels in witness.drawn[stage])
    assert -1 in state(Path(run.work_dir), 'stage_joint.pth')['bank.labels'].tolist()
    # the samplers of earlier stages remember no labels: every image is in the stream again
    assert [rows for rows, _ in witness.drawn['generators']] != []
    loader = run.train_loop.dataloader.loaders['target']
    assert len(loader.sampler.inliers) == 32


def test_every_stage_moves_what_it_says(run):
    work = Path(run.work_dir)
    for before, after, moves in (
        ('generators', 'joint', {'D', 'G', 'E_p', 'E_c', 'bank'}),
        ('generators', 'turned', {'E_c', 'bank'}),
        ('turned', 'again', {'D', 'G', 'E_p'}),
    ):
        old, new = (state(work, f'stage_{name}.pth') for name in (before, after))
        changed = {key.partition('.')[0] for key in old if not torch.equal(old[key], new[key])}
        assert changed == moves


# in the middle of a pass, between two clusterings; in the control; after it
@pytest.mark.parametrize('checkpoint', ['iter_6.pth', 'iter_10.pth', 'iter_14.pth', 'iter_16.pth'])
def test_a_resumed_run_ends_with_the_bits_and_labels_of_one_in_a_piece(run, tmp_path, checkpoint):
    work = Path(run.work_dir)
    shutil.copy(work / 'stage_generators.pth', tmp_path)
    workers = {f'train_dataloader.{name}.num_workers': 1 for name in ('target', 'turned')}
    trained(tmp_path, workers, config=SINGLE, resume=True, load_from=str(work / checkpoint))
    assert_same_end(work / 'stage_again.pth', tmp_path / 'stage_again.pth')
    labels = [state(path, 'stage_again.pth')['bank.labels'] for path in (work, tmp_path)]
    assert torch.equal(*labels)
    assert len(labels[0].unique()) > 2


# ---- the log of clusters ----


def scalars(run) -> list[dict]:
    path = next(Path(run.work_dir).glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if 'clusters/bank/clusters' in row]


def test_each_clustering_is_logged_with_purity_and_completeness(run):
    rows = scalars(run)
    assert [row['step'] for row in rows] == [3, 7, 11, 12]
    # the labels of the last clustering of the control are in its checkpoint
    labels = state(Path(run.work_dir), 'stage_turned.pth')['bank.labels']
    pids = true_pids(run.train_loop.dataloader.dataset['turned'])
    assert sorted(set(pids.tolist())) == [1, 2, 3, 4, 5, 6, 7, 8]
    found, last = cluster_quality(labels, pids), rows[-1]
    assert last['clusters/bank/clusters'] == labels.max() + 1
    assert last['clusters/bank/outliers'] == (labels == -1).sum()
    assert last['clusters/bank/purity'] == pytest.approx(found.purity)
    assert last['clusters/bank/completeness'] == pytest.approx(found.completeness)
    log = next(Path(run.work_dir).glob('*/*.log')).read_text()
    assert f'purity {found.purity:.3f}, completeness {found.completeness:.3f}' in log


def test_the_largest_clusters_are_drawn_at_each_clustering(run):
    pictures = sorted(path.name for path in Path(run.work_dir, 'clusters').iterdir())
    assert pictures == [f'bank_{step:06d}.png' for step in (3, 7, 11, 12)]


def test_data_without_known_identities_has_neither_purity_nor_truth():
    class Nameless:
        def __len__(self):
            return 3

    assert true_pids(Nameless()).tolist() == [-1, -1, -1]


def test_a_negative_number_of_drawn_clusters_is_refused(tmp_path):
    with pytest.raises(ValueError, match='num_drawn is -1; draw 0'):
        trained(tmp_path, {'default_hooks.pseudo_label.num_drawn': -1}, config=SINGLE)
