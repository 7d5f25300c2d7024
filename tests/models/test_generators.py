import pytest
import torch
from torch import nn

from reidgen.models.generators import AdaINDecoder, AdaINHeads
from reidgen.registry import GENERATORS


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def tiny(**kwargs) -> AdaINDecoder:
    return AdaINDecoder(
        **{'content_dim': 12, 'base_dim': 8, 'num_res_blocks': 3, 'head_dim': 5, **kwargs}
    )


def test_decoder_and_heads_have_the_published_sizes():
    with torch.device('meta'):
        heads = AdaINHeads()
        assert count(AdaINDecoder(own_heads=False)) == 1_455_555
        decoder = AdaINDecoder()
        img = decoder(torch.empty(2, 128, 64, 32), torch.empty(2, 8192))
    assert count(heads) == 11_544_576
    assert all(count(head) == 1_443_072 for head in [*heads.weights, *heads.biases])
    assert count(decoder) == 1_455_555 + 11_544_576
    assert img.shape == (2, 3, 256, 128)


@pytest.mark.parametrize('run', range(3))
def test_a_run_of_content_reaches_one_residual_block_alone(run):
    heads = AdaINHeads(content_dim=12, base_dim=8, num_res_blocks=3, head_dim=5)
    content = torch.randn(2, 12)
    changed = content.clone()
    changed[:, 4 * run : 4 * run + 4] += 1
    moved = (heads(content) != heads(changed)).flatten(2).any(2)  # (B, K)
    assert moved.tolist() == [[k == run for k in range(3)]] * 2


def test_a_head_writes_the_first_layer_of_its_block_before_the_second():
    heads = AdaINHeads(content_dim=6, base_dim=4, num_res_blocks=3, head_dim=5)
    with torch.no_grad():
        for k in range(3):
            for kind, head in enumerate((heads.weights[k], heads.biases[k])):
                head[-1].weight.zero_()
                head[-1].bias.copy_(torch.arange(8) + 10 * k + 100 * kind)
    params = heads(torch.randn(2, 6))
    assert params.shape == (2, 3, 2, 2, 4)
    for k in range(3):
        for layer in range(2):
            for kind in range(2):
                for channel in range(4):
                    value = 4 * layer + channel + 10 * k + 100 * kind
                    assert params[1, k, layer, kind, channel] == value


def test_content_decides_the_colours_and_pose_their_place():
    decoder = tiny()
    pose, content = torch.randn(2, 8, 4, 3), torch.randn(2, 12)
    img = decoder(pose, content)
    assert img.shape == (2, 3, 16, 12)
    assert not torch.allclose(img, decoder(pose, content.flip(0)))
    assert not torch.allclose(img, decoder(pose.flip(0), content))
    # one person's colours never reach the other image of the batch
    assert torch.allclose(img[:1], decoder(pose[:1], content[:1]), atol=1e-5)


def test_shared_heads_give_the_images_of_own_heads():
    own, shared = tiny(), tiny(own_heads=False)
    shared.load_state_dict(
        {key: value for key, value in own.state_dict().items() if not key.startswith('heads.')}
    )
    pose, content = torch.randn(2, 8, 4, 3), torch.randn(2, 12)
    assert torch.equal(own(pose, content), shared(pose, own.heads(content)))


def test_the_last_layer_is_linear():
    decoder = tiny()
    pose, content = torch.randn(1, 8, 4, 4), torch.randn(1, 12)
    before = decoder(pose, content)
    with torch.no_grad():
        decoder.image[-1].conv.weight.mul_(100)  # a tanh would not let it pass 1
    assert torch.allclose(decoder(pose, content), 100 * before, rtol=1e-4, atol=1e-4)


def test_every_parameter_of_decoder_and_heads_is_reached_by_the_gradient():
    decoder = tiny()
    decoder(torch.randn(2, 8, 4, 4), torch.randn(2, 12)).square().mean().backward()
    unreached = [name for name, parameter in decoder.named_parameters() if parameter.grad is None]
    assert unreached == []


def test_wrong_widths_are_refused_with_the_fix():
    with pytest.raises(ValueError, match='content_dim is 10, which 4 residual blocks cannot share'):
        AdaINDecoder(content_dim=10, base_dim=8)
    with pytest.raises(ValueError, match=r'base_dim is 6; .* multiple of 4'):
        AdaINDecoder(content_dim=8, base_dim=6)
    with pytest.raises(ValueError, match=r'content is \(2, 9\), the heads expect \(B, 12\)'):
        tiny()(torch.randn(2, 8, 4, 4), torch.randn(2, 9))


def test_a_config_builds_decoder_and_heads_by_name():
    widths = {'content_dim': 8, 'base_dim': 4, 'head_dim': 4}
    assert isinstance(GENERATORS.build({'type': 'AdaINDecoder', **widths}), AdaINDecoder)
    assert isinstance(GENERATORS.build({'type': 'AdaINHeads', **widths}), AdaINHeads)
