import pytest
import torch
from torch import nn

from reidgen.evaluation.adabn import adabn_parts, adapted_batch_norm, reestimate_batch_norm
from reidgen.models.layers.ghost_batch_norm import set_bn_group


class TwoNorms(nn.Module):
    """Norm of images, dropout, norm of vectors; counts its calls and the modes it was called in."""

    def __init__(self):
        super().__init__()
        self.first = nn.BatchNorm2d(3, momentum=0.3)
        self.drop = nn.Dropout(0.9)
        self.second = nn.BatchNorm1d(3, affine=False)
        self.register_buffer('bank', torch.arange(4.0))
        self.drop_modes = []

    def forward(self, images):
        self.drop_modes.append(self.drop.training)
        pooled = self.drop(self.first(images)).mean(dim=(2, 3))
        return {'anything': self.second(pooled)}


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = TwoNorms()
    for _ in range(3):  # statistics that are not the initial ones
        network(torch.randn(4, 3, 5, 2) + 7)
    with torch.no_grad():
        network.first.weight.copy_(torch.tensor([2.0, 1.0, 0.5]))
        network.first.bias.copy_(torch.tensor([-1.0, 0.0, 3.0]))
    network.drop_modes.clear()
    return network


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(4, 3, 5, 2, generator=generator) * (i + 1) - i for i in range(3)]


def state_of(network):
    return {name: buffer.clone() for name, buffer in network.named_buffers()}


def assert_same_state(network, state):
    now = state_of(network)
    assert now.keys() == state.keys()
    for name in state:
        assert torch.equal(now[name], state[name]), name


def test_statistics_are_averages_of_batch_means_and_unbiased_variances(network, batches):
    means = torch.stack([batch.mean(dim=(0, 2, 3)) for batch in batches]).mean(0)
    variances = torch.stack(
        [batch.transpose(0, 1).flatten(1).var(dim=1, unbiased=True) for batch in batches]
    ).mean(0)
    # the second layer sees what the first makes of a batch by that batch's own statistics
    pooled = []
    for batch in batches:
        mean = batch.mean(dim=(0, 2, 3), keepdim=True)
        var = batch.var(dim=(0, 2, 3), unbiased=False, keepdim=True)
        normal = (batch - mean) / (var + 1e-5).sqrt()
        pooled.append(
            (
                normal * network.first.weight.view(1, 3, 1, 1) + network.first.bias.view(1, 3, 1, 1)
            ).mean(dim=(2, 3))
        )
    reestimate_batch_norm(network, batches)
    assert torch.allclose(network.first.running_mean, means, atol=1e-5)
    assert torch.allclose(network.first.running_var, variances, rtol=1e-5)
    assert network.first.num_batches_tracked == 3
    assert torch.allclose(
        network.second.running_mean,
        torch.stack([each.mean(0) for each in pooled]).mean(0),
        atol=1e-5,
    )
    assert torch.allclose(
        network.second.running_var, torch.stack([each.var(0) for each in pooled]).mean(0), rtol=1e-4
    )


def test_reestimation_leaves_dropout_off_and_momenta_modes_and_weights_alone(network, batches):
    network.eval()
    network.second.train()
    weights = [parameter.clone() for parameter in network.parameters()]
    reestimate_batch_norm(network, batches)
    assert network.drop_modes == [False] * 3
    assert (network.first.momentum, network.second.momentum) == (0.3, 0.1)
    assert [m.training for m in (network, network.first, network.drop, network.second)] == [
        False,
        False,
        False,
        True,
    ]
    assert all(torch.equal(a, b) for a, b in zip(weights, network.parameters()))
    assert all(parameter.grad is None for parameter in network.parameters())


def test_within_the_context_the_network_normalises_by_the_new_statistics(network, batches):
    x = torch.randn(2, 3, 5, 2, generator=torch.Generator().manual_seed(5))
    with adapted_batch_norm(network, batches) as adapted:
        assert not any(module.training for module in adapted.modules())
        mean = torch.stack([batch.mean(dim=(0, 2, 3)) for batch in batches]).mean(0)
        assert torch.allclose(adapted.first.running_mean, mean, atol=1e-5)
        alone = torch.cat([adapted(one)['anything'] for one in x.split(1)])
        assert torch.allclose(adapted(x)['anything'], alone, atol=1e-5)


@pytest.mark.parametrize('training', [True, False])
def test_everything_is_restored_bit_by_bit(network, batches, training):
    network.train(training)
    network.drop.train(not training)
    state = state_of(network)
    with adapted_batch_norm(network, batches):
        network(batches[0])
        network.bank.zero_()
        assert not torch.equal(network.first.running_mean, state['first.running_mean'])
    assert_same_state(network, state)
    assert (network.training, network.first.training) == (training, training)
    assert network.drop.training is not training
    assert network.first.momentum == 0.3


def test_everything_is_restored_when_the_body_raises(network, batches):
    state = state_of(network)
    with pytest.raises(RuntimeError, match='inside'), adapted_batch_norm(network, batches):
        raise RuntimeError('inside')
    assert_same_state(network, state)
    assert network.training
    assert network.first.momentum == 0.3


@pytest.mark.parametrize(
    'call', [reestimate_batch_norm, lambda *args: adapted_batch_norm(*args).__enter__()]
)
def test_everything_is_restored_when_a_batch_raises(network, batches, call):
    def broken():
        yield batches[0]
        raise OSError('truncated image')

    state = state_of(network)
    with pytest.raises(OSError, match='truncated'):
        call(network, broken())
    assert_same_state(network, state)
    assert network.training
    assert network.first.momentum == 0.3


def test_a_batch_of_one_image_is_skipped_beside_others(network, batches):
    reestimate_batch_norm(network, batches)
    without = state_of(network)
    reestimate_batch_norm(network, [*batches, torch.full((1, 3, 5, 2), 100.0)])
    assert_same_state(network, without)


def test_nothing_to_estimate_from_raises_and_leaves_the_statistics(network):
    state = state_of(network)
    with pytest.raises(ValueError, match=r'2 of one image.*larger batch'):
        reestimate_batch_norm(network, [torch.zeros(1, 3, 5, 2)] * 2)
    with pytest.raises(ValueError, match='0 of one image'):
        reestimate_batch_norm(network, [])
    assert_same_state(network, state)


@pytest.mark.parametrize(
    'norm',
    [nn.InstanceNorm2d(3, track_running_stats=True), nn.BatchNorm2d(3, track_running_stats=False)],
)
def test_network_without_batch_statistics_is_refused(norm, batches):
    with pytest.raises(ValueError, match='Sequential has no batch norm with running statistics'):
        reestimate_batch_norm(nn.Sequential(norm), batches)


def test_groups_of_ghost_batch_norms_do_not_apply(network, batches):
    x = torch.randn(2, 3, 5, 2)
    with adapted_batch_norm(network, batches) as adapted:
        expected = adapted(x)['anything']
    set_bn_group(network, 3)  # not a divisor of the batches of four
    with adapted_batch_norm(network, batches) as adapted:
        assert torch.equal(adapted(x)['anything'], expected)
    assert [network.first.bn_group, network.second.bn_group] == [3, 3]


def test_parts_by_camera_have_the_statistics_of_their_own_training_images():
    training = torch.tensor([0, 0, 1, 2, 1, 0])
    tested = torch.tensor([1, 0, 2, 1, 3])
    assert adabn_parts(tested, training, 'camera') == [
        ([1], [0, 1, 5]),
        ([0, 3], [2, 4]),
        ([2], [0, 1, 2, 3, 4, 5]),  # one image has no variance
        ([4], [0, 1, 2, 3, 4, 5]),  # none
    ]
    assert adabn_parts(tested, training, 'domain') == [([0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5])]
