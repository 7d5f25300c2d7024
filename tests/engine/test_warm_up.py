"""Trainings of ClusterContrast: labels and centroids, resuming, processes, start of an E_c."""

import multiprocessing
import os
import socket
from pathlib import Path

import pytest
import torch
from memory_runs import trained
from mmengine.hooks import Hook
from test_resume import assert_same_end
from tiny_networks import TinyEncoder

from reidgen.checkpoint import plain_key, read_checkpoint
from reidgen.models.adversarial import unwrap_model

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).with_name('warm_up_tiny.py')
CAMERAS = {
    'model.contrast.same_camera': True,
    'model.inter': dict(type='InterCameraContrast'),
    'model.bank.per_camera': True,
    'model.loss_weights.inter': 0.5,
    'train_dataloader.target.sampler.type': 'ProxySampler',
}
METHODS = dict(clusters={}, cameras=CAMERAS, hardest={'model.bank.update_by': 'hardest'})


class Witness(Hook):
    """Labels and centroids at the start of every iteration, and the rows that it draws."""

    priority = 'LOWEST'

    def __init__(self):
        self.seen: list[dict] = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        bank = runner.model.bank
        names = ('features', 'labels', 'centroids', 'own')
        seen = {name: getattr(bank, name).clone() for name in names}
        self.seen.append(seen | dict(rows=data_batch.target.index))


@pytest.fixture(scope='module', params=METHODS)
def run(request, tmp_path_factory):
    """Options, finished training and witness; not to be changed."""
    options, witness = METHODS[request.param], Witness()
    work = tmp_path_factory.mktemp(request.param)
    return options, trained(work, options, CONFIG, [witness]), witness


def bank_of(path: Path) -> dict:
    state = read_checkpoint(path)['state_dict']
    return {key: value for key, value in state.items() if key.startswith('bank.')}


def test_centroids_are_made_at_each_clustering_and_follow_the_batches_between(run):
    _, _, witness = run
    for number, seen in enumerate(witness.seen):
        assert (seen['labels'][seen['rows']] >= 0).all()
        number_of = int(seen['own'].max()) + 1
        means = torch.stack([seen['features'][seen['own'] == k].mean(0) for k in range(number_of)])
        means = torch.nn.functional.normalize(means)
        anew = number in (0, 3, 6)
        assert torch.allclose(seen['centroids'][:number_of], means, atol=1e-6) is anew
    features = [seen['features'] for seen in witness.seen]
    assert not torch.equal(features[0], features[3])  # embedded anew


# between two clusterings, at one, and in the middle of a pass of the sampler
@pytest.mark.parametrize('iteration', [2, 4, 6])
def test_a_resumed_training_ends_with_the_bits_labels_and_centroids_of_one_in_a_piece(
    iteration, run, tmp_path
):
    options, runner, witness = run
    work, again = Path(runner.work_dir), Witness()
    options = options | {'train_dataloader.target.num_workers': 1}
    path = str(work / f'iter_{iteration}.pth')
    trained(tmp_path, options, CONFIG, [again], resume=True, load_from=path)
    assert_same_end(work / 'stage_warm_up.pth', tmp_path / 'stage_warm_up.pth')
    assert bank_of(work / 'stage_warm_up.pth')['bank.num_centroids'] >= 5
    for one, other in zip(witness.seen[iteration:], again.seen, strict=True):
        for name in ('labels', 'centroids', 'own', 'rows'):
            assert torch.equal(one[name], other[name]), name


def test_what_it_ends_with_starts_the_encoder_of_another_model(run):
    path = Path(run[1].work_dir, 'stage_warm_up.pth')
    encoder, warm = TinyEncoder(weights=str(path)), read_checkpoint(path)['state_dict']
    for key, value in encoder.state_dict().items():
        assert torch.equal(value, warm[f'E_c.{key}']), key


@pytest.mark.parametrize('features', ['stage', 'bank'])
def test_clustering_rows_that_the_memory_does_not_keep_is_refused_before_training(
    features, tmp_path
):
    options = {'default_hooks.pseudo_label.features': features}
    with pytest.raises(ValueError, match=rf"features is '{features}', .* set features='fresh'"):
        trained(tmp_path, options, CONFIG)


def train_rank(rank: int, port: int, work_dir: Path, options: dict) -> None:
    """One of two processes, which leaves its weights and memory in `end<rank>.pth`."""
    group = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=2, MASTER_PORT=port)
    os.environ |= {key: str(value) for key, value in group.items()}
    os.environ['MASTER_ADDR'] = '127.0.0.1'
    torch.distributed.init_process_group('gloo')
    runner = trained(work_dir, options, CONFIG, launcher='pytorch')
    state = unwrap_model(runner.model).state_dict()
    torch.save({plain_key(key): value for key, value in state.items()}, work_dir / f'end{rank}.pth')
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize('method', METHODS)
def test_two_processes_keep_equal_weights_and_centroids(method, tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    options = METHODS[method] | {
        'train_dataloader.target.batch_size': 4,
        'train_dataloader.target.sampler.num_identities': 2,
    }
    processes = [
        multiprocessing.get_context('fork').Process(
            target=train_rank, args=(rank, port, tmp_path, options)
        )
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=300)
    assert [process.exitcode for process in processes] == [0, 0]
    first, second = (torch.load(tmp_path / f'end{rank}.pth') for rank in (0, 1))
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert torch.equal(value, second[key]), key
    assert first['bank.num_centroids'] >= 5
