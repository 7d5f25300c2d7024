"""Stages that train the encoder by a memory alone: control, pseudo-labels, branches."""

import shutil
from pathlib import Path

import pytest
import torch
from memory_runs import trained
from test_resume import assert_same_end

from reidgen.checkpoint import read_checkpoint
from reidgen.memory.clustering import Clusters
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import CLUSTERINGS

pytestmark = pytest.mark.slow


def weights(path: Path, network: str) -> dict:
    state = read_checkpoint(path)['state_dict']
    return {key: value for key, value in state.items() if key.startswith(f'{network}.')}


def equal(one: dict, other: dict) -> bool:
    assert one.keys() == other.keys()
    return all(torch.equal(one[key], other[key]) for key in one)


def test_a_stage_that_starts_from_an_earlier_one_has_its_weights_alone(memory_training):
    work = Path(memory_training.work_dir)
    identity = weights(work / 'stage_identity.pth', 'E_c')
    assert not equal(weights(work / 'stage_control.pth', 'E_c'), identity)
    assert equal(weights(work / 'stage_generators.pth', 'E_c'), identity)  # frozen there
    assert not weights(work / 'stage_generators.pth', 'bank')['bank.filled']


def test_memory_stages_move_the_encoder_and_their_memory_alone(memory_training):
    work = Path(memory_training.work_dir)
    for stage, before, moved in (
        ('memory', 'generators', {'E_c', 'bank'}),
        ('clusters', 'memory', {'E_c', 'bank_t'}),
    ):
        old = read_checkpoint(work / f'stage_{before}.pth')['state_dict']
        new = read_checkpoint(work / f'stage_{stage}.pth')['state_dict']
        changed = {key.partition('.')[0] for key in old if not torch.equal(old[key], new[key])}
        assert changed == moved


def test_labels_of_the_memory_are_clusters_and_the_report_has_the_title(memory_training):
    state = read_checkpoint(Path(memory_training.work_dir, 'stage_clusters.pth'))['state_dict']
    assert set(state['bank_t.labels'].tolist()) == {0, 1, 2, 3, 4}
    assert (
        '| pseudo-labels, iteration 20 |' in Path(memory_training.work_dir, 'report.md').read_text()
    )
    log = next(Path(memory_training.work_dir).glob('*/*.log')).read_text()
    assert log.count('bank_t: 5 clusters') == 3  # before the stage, after 3 and 6 of 7 iterations


# in the memory stage, and between two clusterings
@pytest.mark.parametrize('checkpoint', ['iter_12.pth', 'iter_16.pth', 'stage_memory.pth'])
def test_a_resumed_memory_stage_ends_with_the_bits_of_an_uninterrupted_one(
    memory_training, tmp_path, checkpoint
):
    work = Path(memory_training.work_dir)
    shutil.copy(work / 'stage_identity.pth', tmp_path)
    options = {
        f'train_dataloader.{name}.num_workers': 1 for name in ('source', 'clusters')
    }  # the training in one piece has none
    trained(tmp_path, options, resume=True, load_from=str(work / checkpoint))
    assert_same_end(work / 'stage_clusters.pth', tmp_path / 'stage_clusters.pth')


def test_a_stage_that_starts_from_a_file_that_is_gone_says_which(memory_training, tmp_path):
    path = str(Path(memory_training.work_dir, 'stage_control.pth'))
    with pytest.raises(FileNotFoundError, match=r"start='identity'.*stage_identity\.pth"):
        trained(tmp_path, resume=True, load_from=path)


def test_branches_from_a_loaded_stage_start_from_it_also_after_a_resume(memory_training, tmp_path):
    identity = str(Path(memory_training.work_dir, 'stage_identity.pth'))
    branch = dict(iters=2, phases=['M'], loaders=['source'], start='identity')
    options = {
        'train_cfg.stages': [
            dict(name='identity', iters=4, phases=['I'], loaders=['identity']),
            *(dict(branch, name=name) for name in ('one', 'other', 'third')),
        ],
        'train_cfg.first_stage': 'one',
        'default_hooks.checkpoint.interval': 3,
    }
    trained(tmp_path / 'uninterrupted', options, load_from=identity)
    loaded = read_checkpoint(tmp_path / 'uninterrupted/loaded.pth')['state_dict']
    assert equal(loaded, read_checkpoint(identity)['state_dict'])
    log = next((tmp_path / 'uninterrupted').glob('*/*.log')).read_text()
    assert log.count('starts from loaded.pth') == 2
    # resumed within the second branch; the third one starts from the file
    (tmp_path / 'cut').mkdir()
    shutil.copy(tmp_path / 'uninterrupted/loaded.pth', tmp_path / 'cut')
    trained(
        tmp_path / 'cut', options, resume=True, load_from=str(tmp_path / 'uninterrupted/iter_3.pth')
    )
    assert_same_end(tmp_path / 'uninterrupted/stage_third.pth', tmp_path / 'cut/stage_third.pth')


def test_fewer_clusters_than_the_batch_needs_is_an_error_with_the_fix(tmp_path):
    options = {
        'train_cfg.stages': [
            dict(name='clusters', iters=2, phases=['T'], loaders=['clusters'], labels='cluster')
        ],
        'default_hooks.pseudo_label.clustering.num_clusters': 2,
    }
    with pytest.raises(
        ValueError,
        match=r'has 2 clusters, fewer than num_identities=3.*lower num_identities.*'
        r'num_clusters=2. There are no earlier labels',
    ):
        trained(tmp_path, options)


@CLUSTERINGS.register_module()
class FadingClusters:
    """Five clusters at first; then as many as `later` says, each of seven images."""

    def __init__(self, later: int):
        self.later, self.calls = later, 0

    def __call__(self, features):
        self.calls += 1
        number = 5 if self.calls == 1 else self.later
        labels = torch.arange(len(features)) // (len(features) // 5 + 1)
        if self.calls > 1:
            labels = torch.where(torch.arange(len(features)) < 7 * number, labels, -1)
        return Clusters(labels, 0.25, number, int((labels == -1).sum()))

    def explain(self, features, clusters):
        return f'eps={clusters.eps}'


@pytest.mark.parametrize(
    'later, message',
    [(0, 'no cluster, all 32 images are outliers'), (1, r'fewer than num_identities=3')],
)
def test_too_few_clusters_within_a_stage_leave_the_labels_of_the_pass_before(
    later, message, tmp_path
):
    options = {
        'train_cfg.stages': [
            dict(name='clusters', iters=7, phases=['T'], loaders=['clusters'], labels='cluster')
        ],
        'default_hooks.pseudo_label.clustering': dict(
            type='FadingClusters', later=later, _delete_=True
        ),
    }
    runner = trained(tmp_path, options)
    assert runner.iter == 7
    labels = unwrap_model(runner.model).bank_t.labels
    assert labels.tolist() == (torch.arange(len(labels)) // (len(labels) // 5 + 1)).tolist()
    log = next(tmp_path.glob('*/*.log')).read_text()
    skipped = [line for line in log.splitlines() if 'is skipped, the labels before it stay' in line]
    assert len(skipped) == 2  # after 3 and 6 of 7 iterations
    assert all('WARNING' in line and message in line and 'eps=0.25' in line for line in skipped)
