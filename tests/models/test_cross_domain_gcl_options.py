"""CrossDomainGCL: batch norm, discriminators, shared heads and content targets as the config
chooses.
"""

import copy
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from reidgen.engine import run_phases
from reidgen.structures import ImageBatch

STAGE_1 = dict(name='identity', phases=['I'])
STAGE_3 = dict(name='joint', phases=['D', 'G'])


def statistics(model) -> dict:
    return {name: value.clone() for name, value in model.E_c.named_buffers()}


def differing(before: dict, after: dict) -> list[str]:
    return [name for name in before if not torch.equal(before[name], after[name])]


# ---- batch norm ----


def test_real_only_updates_the_statistics_by_the_two_real_batches(build_toy, toy_batch):
    model, batch = build_toy(bn_mode='real_only'), toy_batch()
    model.enter_stage(**STAGE_3)
    alone = copy.deepcopy(model.E_c).train()
    x = model.forward_translation(batch)
    alone(batch.source.img), alone(batch.target.img)
    assert differing(statistics(model), dict(alone.named_buffers())) == []
    assert model.E_c.neck.num_batches_tracked == 2
    # translated images are normalised by their own batch, as in training mode
    torch.testing.assert_close(x.c_s2t.content, alone(x.x_s2t).content)
    assert all(layer.track_running_stats for layer in (model.E_c.neck, model.E_c.trunk[1]))


@pytest.mark.slow
@pytest.mark.parametrize('bn_mode', ['mixed', 'target_recalib'])
def test_mixed_updates_the_statistics_by_all_six_batches(build_toy, toy_batch, toy_optim, bn_mode):
    model = build_toy(bn_mode=bn_mode)
    model.enter_stage(**STAGE_3)
    run_phases(model, toy_batch(), toy_optim(model), 0, 0)
    assert model.E_c.neck.num_batches_tracked == 6


def test_frozen_statistics_stand_still_while_parameters_move(build_toy, toy_batch, toy_optim):
    model = build_toy(bn_mode='frozen')
    model.enter_stage(**STAGE_3)
    model.eval()
    model.train()  # as after an evaluation
    before = statistics(model)
    weight = model.E_c.neck.weight.clone()
    run_phases(model, toy_batch(), toy_optim(model), 0, 0)
    assert differing(before, statistics(model)) == []
    assert not torch.equal(model.E_c.neck.weight, weight)


def test_frozen_statistics_are_still_learned_in_the_supervised_stage(build_toy, toy_batch):
    model = build_toy(bn_mode='frozen')
    model.enter_stage(**STAGE_1)
    before = statistics(model)
    model.E_c(toy_batch().source.img)
    assert differing(before, statistics(model)) == list(before)
    model.enter_stage(**STAGE_3)
    before = statistics(model)
    model.forward_translation(toy_batch())
    assert differing(before, statistics(model)) == []


# ---- stage 1 ----


def test_the_supervised_losses_reach_encoder_and_classifier_alone(build_toy, toy_batch, gradients):
    model = build_toy()
    s = toy_batch(size=4).source
    pid = torch.tensor([0, 0, 3, 3])
    batch = SimpleNamespace(identity=ImageBatch(s.img, pid, s.camid, s.index))
    model.enter_stage(**STAGE_1)
    model.train_only(('E_c', 'C'))
    terms = model.identity_losses(batch, None)
    reached = {name: gradients(model, term) for name, term in terms.items()}
    assert reached == {'identity.s': {'E_c', 'C'}, 'triplet.s': {'E_c'}}

    model.eval()
    code = model.E_c(s.img)
    terms = model.identity_losses(batch, None)
    log_prob = model.C(code.embedding).log_softmax(1)
    # one-hot with 0.1 spread over five identities
    expected = -(0.9 * log_prob[torch.arange(4), pid] + 0.1 * log_prob.mean(1)).mean()
    torch.testing.assert_close(terms['identity.s'], expected)
    d = (code.pre_bn[:, None] - code.pre_bn[None]).norm(dim=2)
    hinges = [
        (0.3 + d[a, p] - min(d[a, n] for n in negatives)).clamp(min=0)
        for a, p, negatives in ((0, 1, (2, 3)), (1, 0, (2, 3)), (2, 3, (0, 1)), (3, 2, (0, 1)))
    ]
    torch.testing.assert_close(terms['triplet.s'], sum(hinges) / 4)


# ---- adversarial pairs ----


@pytest.mark.slow
@pytest.mark.parametrize(
    'adv_on, translators',
    [
        (('cross',), {'Ds': {'F'}, 'Dt': {'G'}}),
        (('recon',), {'Ds_recon': {'F'}, 'Dt_recon': {'G'}}),
        (
            ('cross', 'cycle'),
            {'Ds': {'F'}, 'Dt': {'G'}, 'Ds_cycle': {'F', 'G'}, 'Dt_cycle': {'F', 'G'}},
        ),
    ],
)
def test_discriminators_and_penalties_take_the_images_of_adv_on(
    build_toy, toy_batch, gradients, adv_on, translators
):
    model, batch = build_toy(adv_on=adv_on), toy_batch()
    model.enter_stage(**STAGE_3)
    model.train_only(model.network_names)
    x = model.forward_translation(batch)
    discriminator_terms = {
        name for name in model.discriminator_losses(batch, x) if not name.startswith('stat.')
    }
    assert discriminator_terms == {
        term
        for name in translators
        for term in (f'adv.{name}.real', f'adv.{name}.fake', f'gp.{name}')
    }
    model.train_only(('G', 'F', 'E_p', 'E_c'))
    terms = model.generator_losses(batch, x)
    reached = {
        name.removeprefix('adv.'): gradients(model, term) & {'G', 'F'}
        for name, term in terms.items()
        if name.startswith('adv.')
    }
    assert reached == translators


def test_the_discriminators_see_what_is_translated_in_the_style_they_know(build_toy, toy_batch):
    model, batch = build_toy(adv_on=('cross', 'recon', 'cycle')), toy_batch()
    model.enter_stage(**STAGE_3)
    x, seen = model.forward_translation(batch), {'D_s': [], 'D_t': []}
    for name, images in seen.items():
        getattr(model, name).register_forward_pre_hook(
            lambda _, args, images=images: images.append(args[0])
        )
    model.generator_losses(batch, x)
    names = {
        name: [field for field in x._fields for img in images if getattr(x, field) is img]
        for name, images in seen.items()
    }
    assert names == {'D_s': ['x_s2s', 'x_t2s', 'x_s2t2s'], 'D_t': ['x_t2t', 'x_s2t', 'x_t2s2t']}


def test_without_a_weight_no_penalty_is_computed(build_toy, toy_batch):
    model, batch = build_toy(penalty=None, loss_weights=dict(gp=0)), toy_batch()
    losses = model.discriminator_losses(batch, model.forward_translation(batch))
    assert not [name for name in losses if name.startswith('gp')]
    model = build_toy()
    model.enter_stage('joint', ['D', 'G'], loss_weights={'gp': 0})
    losses = model.discriminator_losses(batch, model.forward_translation(batch))
    assert not [name for name in losses if name.startswith('gp')]


# ---- heads that both generators share ----


@pytest.fixture
def shared_heads(build_toy):
    decoder = dict(type='AdaINDecoder', base_dim=8, own_heads=False)
    heads = dict(type='AdaINHeads', content_dim=32, base_dim=8, head_dim=8)
    model = build_toy(networks=dict(G=decoder, F=decoder, mlp=heads))
    model.enter_stage(**STAGE_3)
    return model


@pytest.mark.slow
def test_shared_heads_get_gradient_from_the_terms_of_both_generators(
    shared_heads, toy_batch, gradients
):
    model, batch = shared_heads, toy_batch()
    model.train_only(('G', 'F', 'E_p', 'E_c', 'mlp'))
    terms = model.generator_losses(batch, model.forward_translation(batch))
    assert len(terms) == 11
    for name, term in terms.items():
        assert 'mlp' in gradients(model, term), name
    assert gradients(model, terms['recon.t2t']) == {'G', 'mlp', 'E_p', 'E_c'}
    assert gradients(model, terms['recon.s2s']) == {'F', 'mlp', 'E_p', 'E_c'}


def test_shared_heads_run_once_an_image_and_move_in_the_generators_phase(
    shared_heads, toy_batch, toy_optim
):
    model, count = shared_heads, Counter()
    for name in model.network_names:
        getattr(model, name).register_forward_hook(lambda *_, name=name: count.update([name]))
    before = [parameter.clone() for parameter in model.mlp.parameters()]
    run_phases(model, toy_batch(), toy_optim(model), 0, 0)
    assert count == dict(E_c=6, E_p=2, G=3, F=3, D_s=4, D_t=4, mlp=6)
    assert not any(torch.equal(old, new) for old, new in zip(before, model.mlp.parameters()))


# ---- content targets ----


class Blank(nn.Module):
    """Translates the same whatever it is given, so that only a target's gradient is left."""

    def forward(self, pose, content):
        return torch.ones(len(content), 3, 32, 16)


@pytest.mark.parametrize('detach', [True, False])
def test_gradients_reach_a_content_target_only_where_it_is_not_detached(
    build_toy, toy_batch, detach
):
    model, batch = build_toy(content_detach=detach), toy_batch()
    model.G, model.F = Blank(), Blank()
    model.enter_stage(**STAGE_3)
    x = model.forward_translation(batch)
    losses = model.generator_losses(batch, x)
    for term, target, code in (
        ('content.s2t', x.c_s, x.c_s2t),
        ('content.t2s', x.c_t, x.c_t2s),
        ('content.s2t2s', x.c_s, x.c_s2t2s),
        ('content.t2s2t', x.c_t, x.c_t2s2t),
    ):
        (slope,) = torch.autograd.grad(
            losses[term], target.content, retain_graph=True, allow_unused=True
        )
        if detach:
            assert slope is None, term
        else:
            # d mean |code - target| / d target
            expected = (target.content - code.content).sign() / target.content.numel()
            torch.testing.assert_close(slope, expected)


# ---- domain head ----


def test_the_encoder_climbs_the_loss_that_the_domain_head_descends(build_toy, toy_batch):
    head = dict(type='DomainClassifier', in_dim=8, hidden_dim=4)
    model = build_toy(networks=dict(domain_head=head), loss_weights=dict(domain=1))
    batch = toy_batch()
    model.enter_stage(**STAGE_3)
    x = model.forward_translation(batch)
    terms = model.generator_losses(batch, x)
    loss = terms['domain.s'] + terms['domain.t']
    v_s, v_t = x.c_s.embedding, x.c_t.embedding
    # the same loss without reversal, by hand: -log of the probability of the own domain
    p_s, p_t = (model.domain_head.layers(v).sigmoid().squeeze(1) for v in (v_s, v_t))
    plain = -(1 - p_s).log().mean() - p_t.log().mean()
    torch.testing.assert_close(loss, plain)
    for sign, wrt in ((-1, v_s), (-1, v_t), (1, model.domain_head.layers[0].weight)):
        (slope,) = torch.autograd.grad(loss, wrt, retain_graph=True)
        (expected,) = torch.autograd.grad(plain, wrt, retain_graph=True)
        assert expected.abs().max() > 0
        torch.testing.assert_close(slope, sign * expected)
    trained = next(phase.trains for phase in model.phases() if phase.name == 'G')
    assert 'domain_head' in trained
