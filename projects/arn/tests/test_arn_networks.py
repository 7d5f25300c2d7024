"""Networks of ARN: shapes of both variants, parts of a trunk, and numbers of weights."""

from pathlib import Path

import pytest
import torch

from projects.arn.arn import ConvEncoder, ImageDecoder, MapDecoder, TrunkPart
from reidgen.engine.config import load_config
from reidgen.registry import build_network

CONFIGS = Path(__file__).parents[1] / 'configs'
VARIANTS = ('duke2market', 'duke2market_code', 'synth', 'synth_code')
SHAPES = dict(
    # of the images, the map of E_I, the codes, and what D_C restores
    duke2market=((256, 128), (2048, 8, 4), (2048, 1, 1), (2048, 8, 4)),
    duke2market_code=((256, 128), (1024, 16, 8), (2048, 8, 4), (3, 256, 128)),
    synth=((128, 64), (1280, 4, 2), (512, 1, 1), (1280, 4, 2)),
    synth_code=((128, 64), (96, 8, 4), (1280, 4, 2), (3, 128, 64)),
)


def networks_of(name: str) -> dict[str, torch.nn.Module]:
    """Networks of a config without memory for their weights."""
    configs = load_config(CONFIGS / f'arn_{name}.py').model.networks
    for config in configs.values():
        if 'weights' in config:
            config.weights = None
    with torch.device('meta'):
        return {name: build_network(config) for name, config in configs.items()}


@pytest.mark.slow
@pytest.mark.parametrize('name', VARIANTS)
def test_shapes_of_maps_codes_and_reconstructions(name):
    network = networks_of(name)
    size, of_map, of_code, of_target = SHAPES[name]
    X = network['E_I'](torch.empty(2, 3, *size, device='meta'))
    assert X.shape == (2, *of_map)
    codes = [network[encoder](X) for encoder in ('E_S', 'E_T', 'E_C')]
    assert {code.shape for code in codes} == {(2, *of_code)}
    assert network['D_C'](codes[0] + codes[2]).shape == (2, *of_target)
    assert network['D_C'].restores == ('map' if of_target == of_map else 'image')
    logits = network['C_S'](codes[2].mean((2, 3)))
    assert logits.shape == (2, 120 if 'synth' in name else 702)


@pytest.mark.slow
@pytest.mark.parametrize('trunk', ['resnet18', 'mobilenet_v2'])
def test_the_last_part_of_a_trunk_goes_on_where_the_first_ends(trunk):
    parts = {}
    for part in ('all', 'first', 'last'):
        torch.manual_seed(0)
        parts[part] = TrunkPart(trunk, part).eval()
    img = torch.randn(2, 3, 64, 32)
    X = parts['first'](img)
    assert X.shape == (2, parts['first'].out_channels, 4, 2)
    assert parts['last'].in_channels == parts['first'].out_channels
    assert torch.equal(parts['last'](X), parts['all'](img))
    assert parts['last'].out_channels == parts['all'].out_channels == parts['all'](img).shape[1]
    numbers = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    assert numbers['first'] + numbers['last'] == numbers['all']


def test_the_bottleneck_spares_three_quarters_of_the_weights_of_the_first_convolution():
    with torch.device('meta'):
        small, large = ConvEncoder(), ConvEncoder(bottleneck=None)
    weights = [
        sum(m.weight.numel() for m in encoder.modules() if isinstance(m, torch.nn.Conv2d))
        for encoder in (small, large)
    ]
    assert weights == [2048 * 512 + 512 * 2048 * 8 * 4, 2048 * 2048 * 8 * 4]


@pytest.mark.parametrize('bottleneck', [4, None])
def test_a_decoder_restores_maps_of_the_size_that_its_encoder_takes(bottleneck):
    sizes = dict(map_size=(3, 2), bottleneck=bottleneck)
    encoder, decoder = ConvEncoder(6, dim=8, **sizes), MapDecoder(8, 6, **sizes)
    X = torch.randn(4, 6, 3, 2)
    code = encoder(X)
    assert code.shape == (4, 8, 1, 1)
    assert (code < 0).any()  # of both signs, or shared and private could not be orthogonal
    assert decoder(code).shape == X.shape
    assert (decoder(code) < 0).any()


def test_a_decoded_image_is_in_the_range_of_tanh():
    img = ImageDecoder(4, dims=(8, 8, 8, 8))(100 * torch.randn(2, 4, 2, 1))
    assert img.shape == (2, 3, 64, 32)
    assert img.abs().max() <= 1


def test_what_a_network_does_not_take_is_named():
    with pytest.raises(ValueError, match=r'part is .layer4.; choose one of all, first, last'):
        TrunkPart(part='layer4')
    with pytest.raises(ValueError, match='give four, one for each doubling but the last'):
        ImageDecoder(4, dims=(8, 8))


def test_images_of_evaluation_of_another_size_are_told_by_the_encoder():
    encoder = ConvEncoder(in_channels=4, map_size=(4, 2), dim=8, bottleneck=None).eval()
    assert encoder(torch.zeros(2, 4, 4, 2)).shape == (2, 8, 1, 1)
    with pytest.raises(ValueError, match=r'a map is 8 x 4 but map_size is \(4, 2\); give the ima'):
        encoder(torch.zeros(2, 4, 8, 4))
