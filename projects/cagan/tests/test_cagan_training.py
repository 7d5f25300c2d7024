from pathlib import Path

import pytest

from reidgen.engine.config import load_config

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'cagan_smoke.py'


def test_the_smoke_config_trains_and_draws_its_panel(build, tmp_path):
    build(SMOKE).train()
    assert (tmp_path / 'cagan_smoke/stage_swap.pth').exists()
    assert len(list((tmp_path / 'cagan_smoke/grids').glob('*.png'))) == 1


def test_a_phase_moves_exactly_what_it_names(step_of):
    step = step_of(SMOKE)
    assert {phase: step.moves(phase) for phase in ('D', 'G')} == {'D': {'D'}, 'G': {'G'}}


def test_each_term_of_the_generator_reaches_the_networks_it_should(step_of):
    step = step_of(SMOKE)
    losses = step.model.generator_losses(step.batch, step.model.forward_translation(step.batch))
    terms = ('adv.swap', 'cycle_adv.back', 'cycle.person', 'id.swap', 'id.back')
    assert {term: step.gradients(losses[term]) for term in terms} == {
        'adv.swap': {'G', 'D'},
        'cycle_adv.back': {'G', 'D'},
        'cycle.person': {'G'},
        'id.swap': {'G'},
        'id.back': {'G'},
    }


def on_drawn_figures(cfg) -> None:
    """Changes a config in place to narrow networks, stick figures and one iteration."""
    small = load_config(SMOKE)
    for name, network in cfg.model.networks.items():
        network.base_dim = small.model.networks[name].base_dim
    figures = small.train_dataloader.pairs.dataset
    figures.size = (64, 64)  # a discriminator without padding needs four patches each way
    cfg.train_dataloader.pairs.dataset = figures
    cfg.train_dataloader.pairs.update(batch_size=2, num_workers=0)
    for stage in cfg.train_cfg.stages:
        stage.iters = 1


TRAINED = ('cagan_keras', 'cagan_literal', 'cagan_paper')  # networks and losses of their own
BUILT = sorted({path.stem for path in CONFIGS.glob('*.py')} - {*TRAINED, SMOKE.stem})


@pytest.mark.parametrize('name', TRAINED)
def test_configs_with_networks_and_losses_of_their_own_train_an_iteration_on_drawn_figures(
    name, build, tmp_path
):
    build(CONFIGS / f'{name}.py', change=on_drawn_figures).train()
    assert (tmp_path / name / 'stage_swap.pth').exists()


@pytest.mark.parametrize('name', BUILT)
def test_every_other_config_builds_on_drawn_figures(name, check_builds):
    check_builds(CONFIGS / f'{name}.py', on_drawn_figures)
