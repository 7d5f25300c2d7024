"""ARN: losses and domains that each network learns from, stages, rows of the ablation."""

import pytest
import torch
import torch.nn.functional as nnf
from arn_figures import CONFIGS, SMOKE, drawn_figures

from projects.arn.arn import ARN
from reidgen.engine.config import load_config
from reidgen.engine.step import run_phases, weigh
from reidgen.evaluation.adabn import adapted_batch_norm, reestimate_batch_norm

pytestmark = pytest.mark.slow

OTHERS = sorted(set(CONFIGS.glob('*.py')) - {SMOKE})
NETWORKS = {'E_I', 'E_T', 'E_C', 'E_S', 'D_C', 'C_S'}
WITH_MMD = {'model.loss_weights.mmd': 0.1}


def without_dropout(step):
    for module in step.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return step


def losses_of(step) -> dict[str, torch.Tensor]:
    return step.model.losses(step.batch, step.model.encode_domains(step.batch))


@pytest.fixture
def step(step_of):
    return step_of(SMOKE, WITH_MMD)


@pytest.fixture
def code_step(step_of):
    return step_of(CONFIGS / 'arn_duke2market_code.py', change=drawn_figures)


# ---- runs ----


def test_the_smoke_config_trains_both_stages_and_evaluates(build, tmp_path):
    build(SMOKE).train()
    for stage in ('new_parts', 'arn'):
        assert (tmp_path / f'arn_smoke/stage_{stage}.pth').exists()
    assert '**last, AdaBN**' in (tmp_path / 'arn_smoke/report.md').read_text()


@pytest.mark.parametrize('path', OTHERS, ids=lambda path: path.stem)
def test_every_config_trains_one_iteration_a_stage_on_drawn_figures(path, build, tmp_path):
    build(path, change=drawn_figures).train()
    assert (tmp_path / path.stem / 'stage_arn.pth').exists()


# ---- losses: whom each term teaches ----

TABLE = {
    'identity.s': {'E_I', 'E_C', 'C_S'},
    'contrast.s': {'E_I', 'E_C'},
    'recon.s': {'E_I', 'E_C', 'E_S', 'D_C'},
    'recon.t': {'E_I', 'E_C', 'E_T', 'D_C'},
    'diff.s': {'E_I', 'E_C', 'E_S'},
    'diff.t': {'E_I', 'E_C', 'E_T'},
    'mmd.st': {'E_I', 'E_C'},
}


@pytest.mark.parametrize('fixture', ['step', 'code_step'])
def test_each_term_teaches_the_networks_of_its_domain_and_no_other(fixture, request):
    step = request.getfixturevalue(fixture)
    losses = losses_of(step)
    assert {term for term in losses if not term.startswith('stat.')} == set(TABLE)
    assert {term: step.gradients(losses[term]) for term in TABLE} == TABLE


def test_the_map_is_a_constant_where_it_is_the_target_of_its_reconstruction(step):
    for parameter in step.model.D_C.layers[-1].parameters():
        parameter.data.zero_()  # restores 0 whatever the code: only X could move the loss
    losses = losses_of(step)
    assert losses['recon.s'] > 0
    for domain in 'st':
        assert step.gradients(losses[f'recon.{domain}']) == {'D_C'}


def test_terms_are_those_of_their_formulas(step):
    model, batch = without_dropout(step).model, step.batch
    s, t = model.E_I(batch.source.img), model.E_I(batch.target.img)
    losses = losses_of(step)
    shared = {name: model.E_C(X).flatten(1) for name, X in (('s', s), ('t', t))}
    private = dict(s=model.E_S(s).flatten(1), t=model.E_T(t).flatten(1))
    for name, X in (('s', s), ('t', t)):
        restored = model.D_C((shared[name] + private[name])[..., None, None])
        torch.testing.assert_close(losses[f'recon.{name}'], (restored - X).square().mean())
        h_c, h_p = (nnf.normalize(h - h.mean(0)) for h in (shared[name], private[name]))
        diff = (h_c.t() @ h_p).square().mean()
        torch.testing.assert_close(losses[f'diff.{name}'], diff)
    logits, pid = model.C_S(shared['s']), batch.source.pid
    torch.testing.assert_close(losses['identity.s'], nnf.cross_entropy(logits, pid))
    assert losses['contrast.s'] == model.contrast(shared['s'], pid)
    assert losses['mmd.st'] == model.mmd(shared['s'], shared['t'])


def test_the_code_restores_images_and_averages_maps_to_features(code_step):
    model, batch = without_dropout(code_step).model, code_step.batch
    losses = losses_of(code_step)
    X = model.E_I(batch.target.img)
    restored = model.D_C(model.E_C(X) + model.E_T(X))
    difference = (restored - batch.target.img).abs().sum() / (len(X) * 64 * 32)
    torch.testing.assert_close(losses['recon.t'], difference)
    assert batch.target.img.abs().max() <= 1
    feature = model.E_C(X).mean((2, 3))
    torch.testing.assert_close(model.embed(batch.target.img), nnf.normalize(feature))


def test_a_decoder_that_is_right_has_no_reconstruction_loss(step, monkeypatch):
    monkeypatch.setattr(ARN, 'reconstruct', lambda model, parts: parts.X)
    losses = losses_of(step)
    assert losses['recon.s'] == losses['recon.t'] == 0


def test_the_published_weights_make_the_sum():
    weights = load_config(CONFIGS / 'arn_duke2market.py').model.loss_weights
    values = dict(identity=3.0, contrast=5.0, recon=7.0, diff=11.0, mmd=13.0)
    terms = {f'{family}.s': torch.tensor(value) for family, value in values.items()}
    assert weigh(terms, weights, 'A').item() == pytest.approx(3 + 0.01 * 5 + 2 * 7 + 1500 * 11)
    for name in ('smoke', 'synth', 'market2duke'):
        others = load_config(CONFIGS / f'arn_{name}.py').model.loss_weights
        assert {key: others[key] for key in others if key != 'mmd'} == {
            key: weights[key] for key in weights if key != 'mmd'
        }


# ---- domains ----


def test_labels_and_cameras_of_the_target_are_not_read(step):
    before, batch = losses_of(without_dropout(step)), step.batch
    for pid in (None, torch.full((6,), -999), torch.full((6,), torch.nan)):
        step.batch = batch._replace(target=batch.target._replace(pid=pid, camid=None, index=None))
        after = losses_of(step)
        assert before.keys() == after.keys()
        assert all(torch.equal(before[term], after[term]) for term in before)


def test_batch_norm_keeps_the_domains_apart(step):
    before = losses_of(without_dropout(step))
    step.batch.target.img.normal_()
    after = losses_of(step)
    assert torch.equal(before['identity.s'], after['identity.s'])
    assert torch.equal(before['contrast.s'], after['contrast.s'])
    assert not torch.equal(before['recon.t'], after['recon.t'])


def test_retrieval_is_by_the_shared_part_alone(step):
    model, img = step.model, step.batch.target.img
    reestimate_batch_norm(model.retrieval_encoder, [img])  # or a random start gives next to nothing
    feature = model.eval().embed(img)
    torch.testing.assert_close(feature.norm(dim=1), torch.ones(len(img)))
    for name in NETWORKS - set(model.evaluated):
        for parameter in getattr(model, name).parameters():
            parameter.data.normal_()
    assert torch.equal(model.embed(img), feature)
    for name in model.evaluated:
        for parameter in getattr(model, name).parameters():
            parameter.data.mul_(-1)
        assert not torch.allclose(model.embed(img), feature)


def test_adabn_adapts_the_shared_encoder_too(step):
    model, img = step.model.eval(), step.batch.target.img
    feature, norm = model.embed(img), model.E_C.layers[-1]
    mean = norm.running_mean.clone()
    with adapted_batch_norm(model.retrieval_encoder, [img]):
        assert not torch.equal(norm.running_mean, mean)
        assert not torch.allclose(model.embed(img), feature)
    assert torch.equal(norm.running_mean, mean)
    assert torch.equal(model.embed(img), feature)


# ---- stages and rates ----

MOVED = dict(
    arn_smoke=[NETWORKS - {'E_I'}, NETWORKS],
    arn_duke2market_literal=[{'E_I'}, NETWORKS],
    arn_duke2market_code=[NETWORKS],
    arn_synth=[NETWORKS - {'E_I'}, NETWORKS],
    arn_synth_recon=[{'E_C', 'D_C'}],
    arn_synth_private=[NETWORKS - {'E_I', 'C_S'}, NETWORKS - {'C_S'}],
    arn_synth_labels=[NETWORKS - {'E_I'}, NETWORKS],
    arn_synth_direct=[{'E_C', 'C_S'}, {'E_I', 'E_C', 'C_S'}],
)


@pytest.mark.parametrize('name', MOVED)
def test_each_stage_moves_its_networks_and_no_tensor_of_another(name, step_of):
    def change(cfg) -> None:
        drawn_figures(cfg)
        cfg.optim_wrapper.setdefault('I', dict(lr=0.0)).update(lr=1e-3)
        cfg.optim_wrapper.I.update(networks=['E_I'], type='SGD')

    step = step_of(CONFIGS / f'{name}.py', change=None if name == 'arn_smoke' else change)
    stages = load_config(CONFIGS / f'{name}.py').train_cfg.stages
    for stage, expected in zip(stages, MOVED[name], strict=True):
        step.model.enter_stage(stage.name, stage.get('phases'), stage.get('frozen', ()))
        step.model.train()
        (phase,) = step.model.phases()
        assert set(phase.trains) - step.model.frozen == expected
        before = {key: value.clone() for key, value in step.model.state_dict().items()}
        run_phases(step.model, step.batch, step.optim, iteration=0, done=0)
        after = step.model.state_dict()
        moved = {key for key in before if not torch.equal(before[key], after[key])}
        assert {key.partition('.')[0] for key in moved} == expected
        weights = {key for key, _ in step.model.named_parameters()}
        assert {key.partition('.')[0] for key in moved & weights} == expected


@pytest.mark.parametrize('name', ['duke2market', 'market2duke', 'duke2market_literal'])
def test_rates_are_the_published_ones_and_each_network_has_one(name):
    groups = dict(load_config(CONFIGS / f'arn_{name}.py').optim_wrapper)
    groups.pop('constructor')
    rates = {network: group.lr for group in groups.values() for network in group.networks}
    parts = dict.fromkeys(('E_T', 'E_C', 'E_S', 'D_C'), 1e-3)
    assert rates == dict(E_I=1e-7, C_S=2e-3, **parts)
    assert sum(len(group.networks) for group in groups.values()) == len(NETWORKS)
    assert all((g.type, g.momentum, g.weight_decay) == ('SGD', 0.9, 5e-4) for g in groups.values())


@pytest.mark.parametrize('name, images', [('duke2market', 16522), ('market2duke', 12936)])
def test_the_schedule_is_in_passes_over_the_source(name, images):
    stages = load_config(CONFIGS / f'arn_{name}.py').train_cfg.stages
    per_pass = images // 16
    assert [stage.iters for stage in stages] == [5 * per_pass, 45 * per_pass]


def test_rows_of_the_ablation_differ_in_losses_alone():
    full = load_config(CONFIGS / 'arn_synth.py')
    for name, off in (('private', ('identity', 'contrast')), ('labels', ('diff',))):
        row = load_config(CONFIGS / f'arn_synth_{name}.py')
        assert row.model.loss_weights == full.model.loss_weights | dict.fromkeys(off, 0.0)
        row.model.loss_weights = full.model.loss_weights
        assert row.to_dict() == full.to_dict()
