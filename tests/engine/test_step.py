from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.engine.embedding import embed_dataset
from reidgen.engine.step import check_finite, log_key, run_phases, weigh

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
STAGES = {
    'identity': {'E_c', 'C'},
    'generators': {'D_s', 'D_t', 'G', 'F', 'E_p'},
    'joint': {'D_s', 'D_t', 'G', 'F', 'E_p', 'E_c', 'bank'},
}


def parameters(model: nn.Module) -> Iterator[nn.Parameter]:
    return (p for name in model.network_names for p in getattr(model, name).parameters())


@pytest.mark.slow
@pytest.mark.parametrize('stage', STAGES)
def test_an_iteration_moves_exactly_the_networks_of_its_stage(stage, step_of, moved):
    model, optim, batch = step_of(stage)
    before = moved.snapshot(model)
    run_phases(model, batch, optim, iteration=3, done=0)
    assert moved(before, model.state_dict()) == STAGES[stage]
    assert all(p.grad is None for p in parameters(model))


@pytest.mark.slow
@pytest.mark.parametrize('phase,trains', [('D', {'D_s', 'D_t'}), ('G', {'G', 'F', 'E_p', 'E_c'})])
def test_a_phase_alone_moves_only_what_it_names(phase, trains, step_of, moved):
    model, optim, batch = step_of('joint')
    model.enter_stage('joint', [phase], loss_weights=dict(memory=0))
    statistics = {k for k in model.state_dict() if 'running' in k or 'num_batches' in k}
    before = moved.snapshot(model)
    run_phases(model, batch, optim, iteration=0, done=0)
    after = model.state_dict()
    weights = [key for key in before if key not in statistics]
    assert moved({k: before[k] for k in weights}, {k: after[k] for k in weights}) == trains


@pytest.mark.slow
def test_every_weight_of_a_trained_network_moves(step_of):
    model, optim, batch = step_of('joint')
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    run_phases(model, batch, optim, iteration=0, done=0)
    still = {n for n, p in model.named_parameters() if torch.equal(before[n], p)}
    assert {name.partition('.')[0] for name in still} == {'C'}


@pytest.mark.slow
@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*_smoke.py')), ids=lambda path: path.stem)
def test_the_models_of_all_smoke_configs_move_what_their_phases_name(path, tmp_path, moved):
    cfg = load_config(path)
    cfg.work_dir, cfg.visualizer = str(tmp_path), None
    runner = ReIDRunner.from_cfg(cfg)
    loop, model = runner.train_loop, runner.model
    optim = runner.build_optim_wrapper(runner.optim_wrapper)
    for number, stage in enumerate(loop.stages):
        model.train()
        model.enter_stage(stage.name, stage.phases, stage.frozen, stage.loss_weights)
        fields = stage.fields(tuple(loop.dataloader.loaders))
        for bank, field in model.active_banks().items():
            images = loop.dataloader.dataset[fields[field]]
            getattr(model, bank).fill(embed_dataset(model, images), torch.as_tensor(images.pids))
        loop.dataloader.start(fields, dict.fromkeys(fields.values(), 0))
        before = moved.snapshot(model)
        run_phases(model, model.data_preprocessor(next(loop.dataloader)), optim, number, 0)
        trained = {name for phase in model.stage_phases for name in phase.trains}
        changed = moved(before, model.state_dict())
        assert changed & set(model.network_names) == trained - set(stage.frozen)
        assert all(p.grad is None for p in parameters(model))


@pytest.mark.slow
def test_a_frozen_encoder_stays_in_eval_mode_when_the_loop_calls_train(step_of):
    model, _, _ = step_of('generators')
    model.train()
    assert not any(module.training for module in model.E_c.modules())
    assert model.G.training


@pytest.mark.slow
def test_the_log_has_the_sum_raw_terms_and_statistics(step_of):
    model, optim, batch = step_of('generators')
    logs = run_phases(model, batch, optim, iteration=0, done=0)
    weights = dict(adv=1.0, gp=10.0, recon=5.0, cycle=5.0, content=5.0)
    for phase in ('D', 'G'):
        terms = {key: value for key, value in logs.items() if key.startswith(f'{phase}/loss_')}
        total = sum(weights[key.split('_', 1)[1].split('.')[0]] * v for key, v in terms.items())
        torch.testing.assert_close(logs[f'{phase}/loss'], total)
    assert any(key.startswith('D/stat.') for key in logs)
    assert not any(value.requires_grad for value in logs.values())


@pytest.mark.slow
def test_the_same_iteration_gives_the_same_numbers_again(step_of):
    first, second = step_of('joint'), step_of('joint')
    logs = [
        run_phases(*made[:1], made[2], made[1], iteration=5, done=0) for made in (first, second)
    ]
    assert {k: v.item() for k, v in logs[0].items()} == {k: v.item() for k, v in logs[1].items()}


@pytest.mark.slow
def test_every_runs_a_phase_in_the_last_of_every_n_iterations(step_of):
    model, optim, batch = step_of('generators')
    discriminator, generator = model.stage_phases
    model.phases = lambda: (discriminator, replace(generator, every=3))
    ran = ['G/loss' in run_phases(model, batch, optim, done, done) for done in range(7)]
    assert ran == [False, False, True, False, False, True, False]


@pytest.mark.slow
def test_the_shared_forward_has_no_graph_where_only_detaching_phases_are_due(step_of):
    model, optim, batch = step_of('generators')
    discriminator, generator = model.stage_phases
    assert discriminator.detached
    model.phases = lambda: (discriminator, replace(generator, every=2))
    seen = []
    model.update_memory = lambda batch, x, logs: seen.append(x.x_s2t.requires_grad)
    for done in range(3):
        run_phases(model, batch, optim, done, done)
    assert seen == [False, True, False]


@pytest.mark.slow
def test_a_phase_of_frozen_networks_is_left_out(step_of, moved):
    model, optim, batch = step_of('generators')
    model.enter_stage('generators', ['D', 'G'], ['E_c', 'D_s', 'D_t'], dict(memory=0))
    before = moved.snapshot(model)
    logs = run_phases(model, batch, optim, 0, 0)
    assert 'D/loss' not in logs
    assert moved(before, model.state_dict()) == {'G', 'F', 'E_p'}


# ---- weights ----


def test_weigh_sums_families_by_weight_and_leaves_statistics_out():
    terms = {
        'adv.Ds': torch.tensor(2.0),
        'adv.Dt': torch.tensor(3.0),
        'gp.Ds': torch.tensor(0.5),
        'stat.Ds.p_real': torch.tensor(1000.0),
    }
    # 1.5 * (2 + 3) + 10 * 0.5
    assert weigh(terms, dict(adv=1.5, gp=10.0), 'D').item() == 12.5


def test_a_weight_of_one_phase_overrides_the_family():
    terms, weights = {'adv.Ds': torch.tensor(2.0)}, {'adv': 1.0, 'D/adv': 0.25}
    assert weigh(terms, weights, 'D').item() == 0.5
    assert weigh(terms, weights, 'G').item() == 2.0


def test_a_nan_with_weight_0_does_not_reach_the_sum():
    terms = {'adv.Ds': torch.tensor(2.0), 'memory.s2t': torch.tensor(float('nan'))}
    assert weigh(terms, dict(adv=1.0, memory=0.0), 'G').item() == 2.0


def test_a_family_without_weight_is_named():
    with pytest.raises(ValueError, match=r"'blur\.s' of phase G has no weight.*loss_weights\.blur"):
        weigh({'blur.s': torch.tensor(1.0)}, dict(adv=1.0), 'G')


def test_a_phase_whose_weights_are_all_0_says_so():
    with pytest.raises(ValueError, match='phase D has no term with a weight other than 0'):
        weigh({'adv.Ds': torch.tensor(1.0), 'stat.x': torch.tensor(1.0)}, dict(adv=0.0), 'D')


def test_log_keys():
    assert log_key('G', 'recon.t2t') == 'G/loss_recon.t2t'
    assert log_key('D', 'stat.Dt.p_real') == 'D/stat.Dt.p_real'


# ---- NaN ----


@pytest.mark.slow
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_broken_term_stops_before_the_step_and_names_term_and_iteration(value, step_of, moved):
    model, optim, batch = step_of('identity')
    losses = model.identity_losses

    def broken(batch, x):
        terms = losses(batch, x)
        return terms | {'triplet.s': terms['triplet.s'] * value}

    model.identity_losses = broken
    model.E_c.eval()  # a forward alone would update batch-norm statistics
    before = moved.snapshot(model)
    with pytest.raises(FloatingPointError, match=r'iteration 42, phase I: triplet\.s = (nan|inf)'):
        run_phases(model, batch, optim, iteration=41, done=0)
    assert moved(before, model.state_dict()) == set()
    assert not any(group.optimizer.state for group in optim.values())


@pytest.mark.slow
def test_a_broken_generator_term_leaves_the_generators_where_they_were(step_of, moved):
    model, optim, batch = step_of('generators')
    losses = model.generator_losses
    model.generator_losses = lambda batch, x: (
        losses(batch, x) | {'recon.t2t': torch.tensor(float('nan'))}
    )
    before = moved.snapshot(model)
    with pytest.raises(FloatingPointError, match=r'iteration 1, phase G: recon\.t2t = nan'):
        run_phases(model, batch, optim, iteration=0, done=0)
    assert moved(before, model.state_dict()) == {'D_s', 'D_t'}


def test_an_overflowing_sum_of_finite_terms_is_refused_as_such():
    terms = {'adv.Ds': torch.tensor(3e38), 'adv.Dt': torch.tensor(3e38)}
    with pytest.raises(FloatingPointError, match='their weighted sum'):
        check_finite(sum(terms.values()), terms, 'D', 0)
