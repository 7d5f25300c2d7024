"""UNetGenerator: size, layers, and what cannot be halved."""

import pytest
import torch
import torch.nn.functional as nnf
from torch import nn

from reidgen.models.generators import UNetGenerator


def test_the_generator_has_the_published_size_and_keeps_that_of_the_image():
    with torch.device('meta'):
        generator = UNetGenerator()
        made = generator(torch.empty(2, 3, 256, 512))
    assert sum(parameter.numel() for parameter in generator.parameters()) == 54_413_955
    assert made.shape == (2, 3, 256, 512)


def test_the_forward_pass_is_the_layer_table_written_out():
    torch.manual_seed(0)
    generator = UNetGenerator(2, 5, base_dim=3, num_halvings=3).eval()
    img = torch.rand(2, 2, 16, 8) * 2 - 1
    state = generator.state_dict()

    def normed(x, key):
        terms = (state[f'{key}.{name}'] for name in ('running_mean', 'running_var'))
        return nnf.batch_norm(x, *terms, state[f'{key}.weight'], state[f'{key}.bias'])

    first = nnf.conv2d(img, state['down.0.weight'], stride=2, padding=1)
    second = nnf.conv2d(nnf.leaky_relu(first, 0.2), state['down.1.1.weight'], stride=2, padding=1)
    second = normed(second, 'down.1.2')
    code = nnf.conv2d(nnf.leaky_relu(second, 0.2), state['down.2.1.weight'], stride=2, padding=1)
    assert code.shape == (2, 12, 2, 1)
    x = nnf.conv_transpose2d(nnf.relu(code), state['up.0.1.weight'], stride=2, padding=1)
    x = nnf.relu(torch.cat([normed(x, 'up.0.2'), second], 1))
    x = nnf.conv_transpose2d(x, state['up.1.1.weight'], stride=2, padding=1)
    x = nnf.relu(torch.cat([normed(x, 'up.1.2'), first], 1))
    weight, bias = state['image.1.weight'], state['image.1.bias']
    expected = nnf.conv_transpose2d(x, weight, bias, stride=2, padding=1).tanh()
    torch.testing.assert_close(generator(img), expected)


@pytest.mark.parametrize('num_halvings, dropped', [(8, [0, 1, 2]), (6, [0]), (5, []), (2, [])])
def test_dropout_is_behind_the_first_doublings_of_deep_networks(num_halvings, dropped):
    with torch.device('meta'):
        generator = UNetGenerator(base_dim=1, num_halvings=num_halvings)
    rates = [
        layer.p for module in generator.up for layer in module if isinstance(layer, nn.Dropout)
    ]
    assert [number for number, rate in enumerate(rates) if rate] == dropped
    assert {rates[number] for number in dropped} <= {0.5}


def test_what_cannot_be_halved_so_often_is_named():
    with pytest.raises(ValueError, match=r'20 x 16 cannot be halved 3 times.*multiples of 8'):
        UNetGenerator(base_dim=1, num_halvings=3)(torch.zeros(1, 3, 20, 16))
    with pytest.raises(ValueError, match='num_halvings is 1; set 2 or more'):
        UNetGenerator(num_halvings=1)
