"""GCL: the terms of both phases, on views made without networks."""

import pytest
import torch
from gcl_views import free_views, slopes
from torch import nn

from reidgen.engine import weigh
from reidgen.models.gcl import generated


def test_generator_terms_are_those_of_the_paper(build_gcl, batch):
    model, x, t = build_gcl(content_on=('recon', 'cyc', 'nv')), free_views(False), batch.target
    model.rng.begin(0)
    terms = model.generator_losses(batch, x)
    expected = {
        f'adv.{name}': sum((out - 1).square().mean() for out in model.D(img))
        for name, img in (('recon', x.x_recon), ('nv', x.x_nv), ('cyc', x.x_cyc))
    }
    expected |= {
        'recon.x': (x.x_recon - t.img).abs().mean(),
        'cycle.x': (x.x_cyc - t.img).abs().mean(),
        'content.recon': (x.c_recon.content - x.c.content).abs().mean(),
        'content.cyc': (x.c_cyc.content - x.c.content).abs().mean(),
        'content.nv': (x.c_nv.content - x.c.content).abs().mean(),
    }
    model.rng.begin(0)
    expected['memory.nv'] = model.contrast(
        model.bank, x.c.embedding, x.c_nv.embedding, t.index, rng=model.rng
    )
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name)
    weights = dict(recon=5, cycle=5, content=5, memory=1, adv=2)
    total = sum(weights[name.partition('.')[0]] * value for name, value in expected.items())
    torch.testing.assert_close(weigh(terms, model.loss_weights, 'G'), total)


def test_content_is_drawn_to_that_of_the_image_which_stays(build_gcl, batch):
    model, x = build_gcl(), free_views()
    leaves = dict(c=x.c.content, recon=x.c_recon.content, nv=x.c_nv.content, cyc=x.c_cyc.content)
    terms = model.generator_losses(batch, x)
    for name in ('recon', 'cyc'):
        found = slopes(terms[f'content.{name}'], leaves)
        assert found.keys() == {name}
        toward = (leaves[name] - leaves['c']).sign() / leaves['c'].numel()
        torch.testing.assert_close(found[name], toward)


def test_the_memory_draws_both_the_image_and_its_novel_view(build_gcl, batch):
    model, x = build_gcl(), free_views()
    leaves = dict(v=x.c.embedding, nv=x.c_nv.embedding, recon=x.c_recon.embedding)
    assert slopes(model.generator_losses(batch, x)['memory.nv'], leaves).keys() == {'v', 'nv'}


def test_images_given_to_the_discriminator_carry_no_gradient(build_gcl, batch):
    model, x = build_gcl(), free_views()
    losses = model.discriminator_losses(batch, x)
    for name, term in losses.items():
        if not name.startswith('stat.'):
            assert slopes(term, generated(x)) == {}, name


def test_a_discriminator_that_is_constant_costs_what_least_squares_say(build_gcl, batch):
    model, c = build_gcl(loss_weights={'recon': 0, 'cycle': 0, 'content': 0, 'memory': 0}), 0.3
    model.D = Constant(c)
    x = free_views(False)
    d = weigh(model.discriminator_losses(batch, x), model.loss_weights, 'D')
    g = weigh(model.generator_losses(batch, x), model.loss_weights, 'G')
    # three generated images, three scales
    assert d.item() == pytest.approx(9 * (c**2 + (1 - c) ** 2))
    assert g.item() == pytest.approx(18 * (1 - c) ** 2)


class Constant(nn.Module):
    """Three scales of one number whatever the image; its slope is 0."""

    def __init__(self, value: float):
        super().__init__()
        self.value = value

    def forward(self, img):
        return [self.value + 0 * img.mean((2, 3)) for _ in range(3)]


class Linear(nn.Module):
    """One output, the scalar product with fixed numbers."""

    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(5)))

    def forward(self, img):
        return (img * self.weight).sum((1, 2, 3))[:, None]


def test_the_penalty_of_real_images_counts_for_each_generated_one(build_gcl, batch):
    model = build_gcl()
    model.D = Linear((3, 32, 16))
    terms = model.discriminator_losses(batch, free_views(False))
    torch.testing.assert_close(terms['gp.x'], 3 * model.D.weight.square().sum())
    assert [name for name in terms if name.startswith('gp.')] == ['gp.x']


def test_no_penalty_is_needed_where_it_weighs_nothing(build_gcl, batch):
    model = build_gcl(penalty=None, loss_weights=dict(gp=0))
    terms = model.discriminator_losses(batch, free_views(False))
    assert {name.partition('.')[0] for name in terms} == {'adv', 'stat'}


def test_outliers_are_no_anchors_and_stay_negatives(build_gcl, batch):
    model, x = build_gcl(contrast=dict(type='MemoryContrast', num_negatives=100)), free_views()
    model.bank.labels[4] = -1  # the second image of the batch
    v = x.c.embedding
    loss = model.generator_losses(batch, x)['memory.nv']
    assert slopes(loss, dict(v=v))['v'].any(dim=1).tolist() == [True, False, True]
    model.bank.features[4] = -model.bank.features[4]
    assert not torch.equal(model.generator_losses(batch, x)['memory.nv'], loss)
