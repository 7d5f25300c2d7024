"""Groups of images inside one process; several processes are in tests/engine/test_bn_groups.py."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call

from reidgen.models.layers.batch_norm import untracked_statistics
from reidgen.models.layers.ghost_batch_norm import GhostBatchNorm, ranks_of_group, set_bn_group

pytestmark = pytest.mark.usefixtures('seeded')

LAYERS = [(nn.BatchNorm2d(3), (12, 3, 5, 2)), (nn.BatchNorm1d(3, affine=False), (12, 3))]
LAYERS += [(nn.BatchNorm1d(3, momentum=None), (12, 3, 4))]


def grouped(layer: nn.Module, group: int) -> GhostBatchNorm:
    ghost = copy.deepcopy(layer)
    set_bn_group(ghost, group)
    return ghost


@pytest.mark.parametrize('layer, shape', LAYERS)
@pytest.mark.parametrize('group', [4, 12])
def test_groups_are_normalised_like_batches_of_their_own(layer, shape, group):
    x, weights = 3 * torch.randn(shape) + 1, torch.randn(shape)
    x.requires_grad_()
    ghost = grouped(layer, group)
    y = ghost(x)
    (y * weights).sum().backward()
    found = [x.grad, *(parameter.grad for parameter in ghost.parameters())]

    x.grad, moved, alone = None, [], copy.deepcopy(layer)
    for number in range(0, 12, group):
        plain = copy.deepcopy(layer)
        plain.load_state_dict(alone.state_dict())
        for name, parameter in alone.named_parameters():
            setattr(plain, name, parameter)  # gradients of all groups add up
        own = plain(x[number : number + group])
        assert torch.equal(y[number : number + group], own)
        (own * weights[number : number + group]).sum().backward()
        moved.append((plain.running_mean, plain.running_var))
    expected = [x.grad, *(parameter.grad for parameter in alone.parameters())]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    for name, each in zip(('running_mean', 'running_var'), zip(*moved)):
        torch.testing.assert_close(getattr(ghost, name), torch.stack(each).mean(0))
    assert ghost.num_batches_tracked == 1


def test_gradients_are_those_of_the_formula():
    ghost = grouped(nn.BatchNorm2d(2).double(), 3)
    inputs = [torch.randn(6, 2, 1, 2), torch.randn(2), torch.randn(2)]
    inputs = [value.double().requires_grad_() for value in inputs]

    def normalised(x, weight, bias):
        return functional_call(ghost, dict(weight=weight, bias=bias), (x,))

    assert torch.autograd.gradcheck(normalised, inputs)
    assert torch.autograd.gradgradcheck(normalised, inputs)


def test_several_forwards_before_a_backward_are_possible():
    ghost = grouped(nn.BatchNorm2d(3), 4)
    x = torch.randn(8, 3, 2, 2, requires_grad=True)
    ghost.eval()
    kept = ghost(x)  # reads the running statistics that the next forwards move
    ghost.train()
    (kept + ghost(x) + ghost(2 * x)).square().sum().backward()
    assert x.grad.isfinite().all()
    assert ghost.num_batches_tracked == 2


def test_in_eval_mode_the_layer_is_the_one_it_was():
    plain = nn.BatchNorm2d(3)
    plain(torch.randn(8, 3, 4, 4) + 2)
    x = torch.randn(5, 3, 4, 4)
    assert torch.equal(grouped(plain, 4).eval()(x), plain.eval()(x))


def test_running_statistics_stand_still_where_they_are_not_tracked():
    ghost = grouped(nn.BatchNorm1d(3), 4)
    before = {key: value.clone() for key, value in ghost.state_dict().items()}
    x = torch.randn(8, 3)
    with untracked_statistics(ghost):
        y = ghost(x)
    assert all(torch.equal(value, before[key]) for key, value in ghost.state_dict().items())
    assert torch.equal(y, ghost(x))


def test_names_parameters_and_values_of_a_network_stay():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    before, state = list(network.parameters()), copy.deepcopy(network.state_dict())
    set_bn_group(network, None)
    assert type(network[1]) is nn.BatchNorm2d
    set_bn_group(network, 2)
    assert isinstance(network[1], GhostBatchNorm)
    assert isinstance(network[1], nn.BatchNorm2d)
    assert list(map(id, network.parameters())) == list(map(id, before))
    after = network.state_dict()
    assert list(after) == list(state)
    assert all(torch.equal(after[key], state[key]) for key in state)


def test_a_batch_norm_with_its_activation_keeps_it():
    class BatchNormAct2d(nn.BatchNorm2d):  # timm's
        def __init__(self, channels):
            super().__init__(channels)
            self.drop, self.act = nn.Identity(), nn.PReLU()

        def forward(self, x):
            return self.act(self.drop(super().forward(x)))

    layer, x = BatchNormAct2d(3), torch.randn(4, 3, 2, 2)
    ghost = grouped(layer, 4)
    assert torch.equal(ghost(x), layer(x))
    assert torch.equal(ghost.eval()(x), ghost.act(nn.BatchNorm2d.forward(ghost, x)))


@pytest.mark.parametrize('group', [0, 1, 2.0, True, '16'])
def test_a_group_is_a_number_of_images_from_two(group):
    with pytest.raises(ValueError, match=r'bn_group is .* a number of images from 2'):
        set_bn_group(nn.BatchNorm1d(3), group)


def test_a_batch_norm_that_cannot_be_grouped_is_named():
    network = nn.Sequential(nn.Linear(3, 3), nn.SyncBatchNorm(3))
    with pytest.raises(ValueError, match=r'but 1 is a SyncBatchNorm; groups are known of Batch'):
        set_bn_group(network, 4)


@pytest.mark.parametrize(
    'group, batch, world_size, ranks',
    [(16, 64, 1, 1), (16, 16, 4, 1), (8, 16, 4, 1), (32, 16, 4, 2), (64, 16, 4, 4), (3, 3, 5, 1)],
)
def test_a_group_is_within_a_process_or_on_some_whole_ones(group, batch, world_size, ranks):
    assert ranks_of_group(group, batch, world_size) == ranks


@pytest.mark.parametrize(
    'group, batch, world_size, near',
    [(5, 16, 1, 4), (128, 64, 1, 64), (48, 16, 4, 32), (24, 16, 4, 16), (40, 16, 3, 48)],
)
def test_a_group_that_fits_neither_is_refused_with_one_that_fits(group, batch, world_size, near):
    with pytest.raises(ValueError, match=rf'bn_group is {group}, .* set bn_group={near}, or'):
        ranks_of_group(group, batch, world_size)


def test_a_batch_that_does_not_fit_is_refused_by_the_layer():
    with pytest.raises(ValueError, match='bn_group is 4, but a batch norm has 6 images'):
        grouped(nn.BatchNorm1d(3), 4)(torch.randn(6, 3))
