"""Latent vectors: the great circle between two, and those of given images."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from reidgen.models.latents import LatentSampling, slerp
from reidgen.models.preprocessor import SYMMETRIC
from reidgen.registry import MODELS, build

SIZE = (2, 4)


def test_between_two_directions_the_angle_grows_by_the_ratio():
    omega = 1.2
    first = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    last = torch.tensor(
        [[math.cos(omega), math.sin(omega)], [3 * math.sin(omega), 3 * math.cos(omega)]]
    )
    for ratio in (0.0, 0.25, 0.5, 1.0):
        found = slerp(first, last, ratio)
        angle = ratio * omega
        expected = [[math.cos(angle), math.sin(angle)], [3 * math.sin(angle), 3 * math.cos(angle)]]
        torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize('scale', [1.0, 0.5, -1.0, -0.5, 0.0])
def test_between_vectors_on_one_line_the_way_is_straight(scale):
    first = torch.tensor([[0.3, -0.7, 0.1]])
    found = slerp(first, scale * first, 0.25)
    if scale:
        torch.testing.assert_close(found, (0.75 + 0.25 * scale) * first)
    else:  # a vector of no direction is at a right angle to every other
        torch.testing.assert_close(found, math.cos(math.pi / 8) * first)


class Affine(nn.Module):
    """A generator of images of two components: the upper row is twice the first, and so on."""

    image_size, latent_dim = SIZE, 2

    def forward(self, z):
        return (2 * z)[:, None, :, None].expand(-1, 3, -1, SIZE[1])


def sampling(generator: nn.Module | None = None, **options) -> LatentSampling:
    generator = generator or Affine()
    model = SimpleNamespace(
        G=generator, D=generator, training=False, data_preprocessor=build(SYMMETRIC, MODELS)
    )
    return LatentSampling(model, **options)


def test_far_from_its_image_a_latent_vector_moves_by_the_rate_in_each_iteration():
    img = torch.tensor([0.9, -0.9])[None, None, :, None].expand(1, 3, *SIZE)
    seen = []
    z, errors = sampling().invert(img, 30, lambda done, now: seen.append((done, now.item())))
    torch.testing.assert_close(z, torch.tensor([[30e-4, -30e-4]]), rtol=1e-4, atol=0)
    assert errors.item() == pytest.approx(0.9 - 2 * 30e-4, rel=1e-5)
    assert seen[9] == (10, pytest.approx(0.9 - 2 * 10e-4, rel=1e-5))
    assert seen[-1] == (30, errors.item())


@pytest.mark.slow
def test_the_latent_vector_of_a_generated_image_is_found_again_and_no_weight_moves():
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Linear(2, 24), nn.Unflatten(1, (3, *SIZE)))
    linear.image_size, linear.latent_dim = SIZE, 2
    before = [parameter.clone() for parameter in linear.parameters()]
    z = torch.tensor([[0.02, -0.01], [0.03, 0.005]])
    img = linear(z).detach()
    found, errors = sampling(linear).invert(img, 400)
    torch.testing.assert_close(found, z, rtol=0, atol=5e-4)
    assert errors.max() < 5e-4
    assert all(map(torch.equal, before, linear.parameters()))
    assert all(parameter.grad is None for parameter in linear.parameters())
    alone, _ = sampling(linear).invert(img[1:], 400)
    torch.testing.assert_close(found[1:], alone, rtol=0, atol=1e-5)


def test_what_cannot_be_inverted_is_named():
    with pytest.raises(ValueError, match=r'images of \(1, 2, 4\).*the generator are \(3, 2, 4\)'):
        sampling().invert(torch.zeros(2, 1, *SIZE), 1)
    with pytest.raises(ValueError, match=r'set the model to eval mode, and model\.gan\.bn_eval'):
        sampling(bn_eval='batch').invert(torch.zeros(2, 3, *SIZE), 1)
