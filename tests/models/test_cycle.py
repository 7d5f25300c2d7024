import pytest
import torch
from torch import nn

from reidgen.models.cycle import (
    check_image_sizes,
    cycle_terms,
    cycle_visuals,
    forward_cycle,
    translate_with,
)
from reidgen.structures import ImageBatch


class Affine(nn.Module):
    """A generator of two numbers: scale * x + shift."""

    def __init__(self, scale: float = 1.0, shift: float = 0.0):
        super().__init__()
        self.scale, self.shift = (nn.Parameter(torch.tensor(v)) for v in (scale, shift))

    def forward(self, x):
        return self.scale * x + self.shift


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.rand(2, 3, 4, 2) * 2 - 1, torch.rand(2, 3, 4, 2) * 2 - 1


def moved_by(term: torch.Tensor, *networks: nn.Module) -> list[bool]:
    gradients = torch.autograd.grad(
        term, [n.shift for n in networks], allow_unused=True, retain_graph=True
    )
    return [gradient is not None and bool(gradient != 0) for gradient in gradients]


def test_generators_that_change_nothing_have_no_cycle_and_no_identity_loss(images):
    x = forward_cycle(Affine(), Affine(), *images, identity=True)
    terms = cycle_terms(x, *images)
    assert sorted(terms) == ['cycle.s2t2s', 'cycle.t2s2t', 'identity.s2s', 'identity.t2t']
    assert all(term == 0 for term in terms.values())


def test_each_translation_is_the_composition_its_name_says():
    x_s, x_t = torch.full((1, 3, 1, 1), 1.0), torch.full((1, 3, 1, 1), 5.0)
    G, F = Affine(2.0, 1.0), Affine(1.0, -4.0)
    x = forward_cycle(G, F, x_s, x_t, identity=True)
    # G: 2 x + 1, F: x - 4
    assert [image.mean().item() for image in x] == [3, 1, -1, 3, -3, 11]
    terms = {term: value.item() for term, value in cycle_terms(x, x_s, x_t).items()}
    assert terms == {
        'cycle.s2t2s': 2,
        'cycle.t2s2t': 2,
        'identity.s2s': 4,
        'identity.t2t': 6,
    }


def test_cycles_move_both_generators_and_identity_terms_only_their_own(images):
    G, F = Affine(0.9, 0.1), Affine(1.1, -0.3)
    terms = cycle_terms(forward_cycle(G, F, *images, identity=True), *images)
    assert moved_by(terms['cycle.s2t2s'], G, F) == [True, True]
    assert moved_by(terms['cycle.t2s2t'], G, F) == [True, True]
    assert moved_by(terms['identity.t2t'], G, F) == [True, False]
    assert moved_by(terms['identity.s2s'], G, F) == [False, True]


def test_nothing_is_repainted_where_the_identity_term_is_off(images):
    x = forward_cycle(Affine(), Affine(), *images, identity=False)
    assert x.x_s2s is None
    assert x.x_t2t is None
    assert sorted(cycle_terms(x, *images)) == ['cycle.s2t2s', 'cycle.t2s2t']
    assert [title for title, _ in cycle_visuals(x, *images)] == [
        *('x_s', 'x_s2t', 'x_s2t2s'),
        *('x_t', 'x_t2s', 'x_t2s2t'),
    ]


def test_painting_takes_the_generator_of_the_wanted_style(images):
    G, F = Affine(shift=1.0), Affine(shift=2.0)
    assert torch.equal(translate_with(G, F, images[0], 'target'), images[0] + 1)
    assert torch.equal(translate_with(G, F, images[0], 'source'), images[0] + 2)
    with pytest.raises(ValueError, match="'source' or 'target'; got 'duke'"):
        translate_with(G, F, images[0], 'duke')


def test_images_of_another_size_than_the_pools_are_named():
    dataset = [ImageBatch(torch.zeros(3, 64, 32), 0, 0, 0)]
    check_image_sizes((64, 32), {'source': dataset})
    with pytest.raises(ValueError, match=r'\(128, 64\) but the images of the loader target'):
        check_image_sizes((128, 64), {'target': dataset})
