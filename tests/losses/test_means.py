"""Means over the images of all processes: two gloo processes beside one."""

import pytest
import torch

from reidgen.losses import CentroidContrast, InterCameraContrast, MemoryContrast, ProxyContrast
from reidgen.losses.means import mean_over_processes
from reidgen.memory import CentroidBank, FeatureBank
from reidgen.rng import StepRNG
from tests.engine.processes import finish, start

NUM_ROWS, DIM = 16, 5
LABELS = torch.tensor([-1, -1, -1, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 0, 1, 3])
CAMIDS = torch.arange(NUM_ROWS) % 2
INDEX = torch.tensor([0, 1, 3, 2, 4, 5, 7, 10])  # the first half has three outliers, the other none
LOSSES = ('proxies', 'inter', 'centroids', 'memory')


def loss_of(name: str, u: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    kept = FeatureBank if name in ('centroids', 'memory') else CentroidBank
    options = {} if kept is FeatureBank else dict(per_camera=True)
    bank = kept(NUM_ROWS, DIM, **options)
    bank.fill(torch.randn(NUM_ROWS, DIM), LABELS)
    bank.set_labels(LABELS, CAMIDS)
    if name == 'proxies':
        return ProxyContrast(0.5, same_camera=True)(bank, u, index)
    if name == 'inter':
        return InterCameraContrast(0.5)(bank, u, index)
    if name == 'centroids':
        return CentroidContrast(0.5)(bank, u, index)
    # the image itself is the only one drawn: what is drawn depends on the process
    bank.set_labels(torch.where(LABELS < 0, -1, torch.arange(NUM_ROWS)))
    return MemoryContrast(0.5)(bank, u, u.flip(1), index, rng=StepRNG())


def embeddings() -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    return torch.randn(len(INDEX), DIM, generator=rng).requires_grad_()


def gradient(name: str, rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of some images, and its gradient to the embeddings of all."""
    u = embeddings()
    loss = loss_of(name, u[rows], INDEX[rows])
    (found,) = torch.autograd.grad(loss, u)
    return loss.detach(), found


def test_one_process_has_the_mean_and_none_is_zero():
    values = torch.tensor([1.0, 2.0, 6.0])
    assert mean_over_processes(values.sum(), len(values)) == 3
    assert mean_over_processes(values[:0].sum(), 0) == 0


@pytest.mark.slow
def test_processes_with_unequal_numbers_of_outliers_have_the_loss_of_one_with_all(tmp_path):
    def work(rank: int) -> None:
        half = slice(4 * rank, 4 * rank + 4)
        torch.save({name: gradient(name, half) for name in LOSSES}, tmp_path / f'{rank}.pth')

    finish(start(2, work, tmp_path))
    both = [torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1)]
    for name in LOSSES:
        expected = gradient(name, slice(None))
        for number, what in enumerate(('loss', 'gradient')):
            mean = (both[0][name][number] + both[1][name][number]) / 2  # as DDP averages
            torch.testing.assert_close(mean, expected[number], msg=f'{name}: {what}')
