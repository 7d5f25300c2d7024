"""CycleTranslation: compositions, losses by hand, and the generators that each term moves."""

from collections import namedtuple

import pytest
import torch
from torch import nn

from reidgen.models import CycleTranslation
from reidgen.registry import GENERATORS
from reidgen.structures import ImageBatch

Batch = namedtuple('Batch', ['source', 'target'])


@GENERATORS.register_module(force=True)
class Affine(nn.Module):
    """A generator of two numbers: scale * x + shift."""

    def __init__(self, scale: float = 1.0, shift: float = 0.0):
        super().__init__()
        self.scale, self.shift = (nn.Parameter(torch.tensor(v)) for v in (scale, shift))

    def forward(self, x):
        return self.scale * x + self.shift


def model_of(
    G: dict | None = None, F: dict | None = None, idt: float = 1.0, num_layers: int = 1
) -> CycleTranslation:
    D = dict(type='PatchGAN', base_dim=4, num_layers=num_layers)
    generators = dict(G=dict(type='Affine') | (G or {}), F=dict(type='Affine') | (F or {}))
    return CycleTranslation(
        networks=dict(generators, D_s=D, D_t=D),
        loss_weights=dict(adv=1, cycle=10, idt=idt),
        pool=dict(size=2, image_size=(8, 6)),
    )


def batch_of(x_s: torch.Tensor, x_t: torch.Tensor) -> Batch:
    ids = torch.zeros(len(x_s), dtype=torch.int64)
    return Batch(ImageBatch(x_s, ids, ids, ids), ImageBatch(x_t, ids, ids, ids))


def constants(s: float, t: float) -> Batch:
    return batch_of(torch.full((1, 3, 8, 6), s), torch.full((1, 3, 8, 6), t))


def terms_of(model, batch) -> dict[str, torch.Tensor]:
    terms = model.generator_losses(batch, model.forward_translation(batch))
    return {name: term for name, term in terms.items() if not name.startswith('adv.')}


def test_generators_that_change_nothing_have_no_cycle_and_no_identity_loss():
    terms = terms_of(model_of(), batch_of(*torch.rand(2, 2, 3, 8, 6)))
    assert sorted(terms) == ['cycle.s2t2s', 'cycle.t2s2t', 'idt.s2s', 'idt.t2t']
    assert all(term == 0 for term in terms.values())


def test_each_translation_is_the_composition_its_name_says():
    model, batch = model_of(G=dict(scale=2.0, shift=1.0), F=dict(shift=-4.0)), constants(1, 5)
    # G: 2 x + 1, F: x - 4
    x = model.forward_translation(batch)
    assert {name: image.mean().item() for name, image in x._asdict().items()} == dict(
        x_s2t=3, x_t2s=1, x_s2t2s=-1, x_t2s2t=3, x_s2s=-3, x_t2t=11
    )
    terms = {name: term.item() for name, term in terms_of(model, batch).items()}
    assert terms == {'cycle.s2t2s': 2, 'cycle.t2s2t': 2, 'idt.s2s': 4, 'idt.t2t': 6}


def test_without_a_weight_the_identity_images_are_not_generated():
    model = model_of(idt=0.0)
    x = model.forward_translation(constants(1, 5))
    assert x.x_s2s is None
    assert sorted(terms_of(model, constants(1, 5))) == ['cycle.s2t2s', 'cycle.t2s2t']


def test_a_cycle_moves_both_generators_and_identity_one():
    model = model_of(G=dict(shift=0.5), F=dict(shift=0.25))
    reached = {}
    for name, term in terms_of(model, constants(0, 0)).items():
        slopes = torch.autograd.grad(
            term, [model.G.shift, model.F.shift], allow_unused=True, retain_graph=True
        )
        reached[name] = [slope is not None and bool(slope != 0) for slope in slopes]
    assert reached == {
        'cycle.s2t2s': [True, True],
        'cycle.t2s2t': [True, True],
        'idt.s2s': [False, True],
        'idt.t2t': [True, False],
    }


def test_a_domain_is_translated_by_its_generator():
    model = model_of(G=dict(scale=2.0), F=dict(scale=3.0))
    batch = constants(1, 5)
    assert model.translate(batch.source, 'target').mean() == 2
    assert model.translate(batch.target, 'source').mean() == 15
    with pytest.raises(ValueError, match="is 'winter'; choose one of source, target"):
        model.translate(batch.source, 'winter')


def test_images_too_small_for_a_discriminator_are_refused_before_training():
    with pytest.raises(ValueError, match=r'model.networks.D_s: an image of 8 x 6 .* PatchGAN'):
        model_of(num_layers=2).check_data({}, {}, [])


def test_images_of_another_size_than_the_pools_are_refused_by_loader():
    data = [constants(1, 5).source._replace(img=torch.zeros(3, 8, 4))]
    with pytest.raises(ValueError, match=r'is \(8, 6\) but the images of the loader source .*8, 4'):
        model_of().check_data(dict(source=data), {}, [])
