"""ARN: networks, losses and images that do not fit each other are refused before training."""

import pytest
from arn_figures import CONFIGS, SMOKE, drawn_figures

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    'options, message',
    [
        (
            {'model.networks.E_S.map_size': (4, 2)},
            r'train_dataloader\.source gives images of 64 x 32, of which E_I makes maps of 2 x 1, '
            r'but model\.networks\.E_S\.map_size is \(4, 2\); set it to \(2, 1\)',
        ),
        (
            {'model.networks.C_S.num_identities': 751},
            r'set model\.networks\.C_S\.num_identities=4',
        ),
        (
            {'model.networks.D_C.in_channels': 64},
            r'model\.networks\.D_C: in_channels is 64 but E_C gives 32 channels; make them equal',
        ),
        (
            {'model.networks.E_I.part': 'first'},
            r'model\.networks\.E_C: in_channels is 1280 but E_I gives 96 channels',
        ),
        (
            {'model.networks.E_I.part': 'last'},
            r"model\.networks\.E_I takes maps of 96 channels, not images; set part='all'",
        ),
        (
            {'train_cfg.stages.1.loaders': ['source']},
            r"reads the fields .*; add \['target'\]",
        ),
    ],
)
def test_what_does_not_fit_is_named_before_training(options, message, build):
    with pytest.raises(ValueError, match=message):
        _ = build(SMOKE, options).train_loop


@pytest.mark.parametrize(
    'without, message',
    [
        (('C_S',), 'loss_weights.identity is 1 but model.networks has no C_S; set loss_weights'),
        (('D_C',), 'loss_weights.recon is 2 but model.networks has no D_C'),
        (('E_T', 'E_S'), 'loss_weights.diff is 1500 but model.networks has no E_T and E_S'),
        (('E_T',), 'E_T and E_S are private encoders of one domain each; give both or none'),
        (('E_C',), r'ARN retrieves by E_C of E_I; set model\.networks\.E_C'),
    ],
)
def test_a_weighed_loss_without_its_network_is_refused(without, message, build):
    def change(cfg) -> None:
        for name in without:
            del cfg.model.networks[name]

    with pytest.raises(ValueError, match=message):
        _ = build(SMOKE, change=change).train_loop


def test_a_stage_that_weighs_a_loss_without_its_network_is_refused(build):
    def change(cfg) -> None:
        cfg.model.loss_weights.recon = 0.0
        del cfg.model.networks['D_C']
        cfg.optim_wrapper.E.networks = ['E_T', 'E_C', 'E_S']
        cfg.train_cfg.stages[1].loss_weights = dict(recon=1.0)

    with pytest.raises(ValueError, match=r'stage arn: loss_weights\.recon is 1 but'):
        _ = build(SMOKE, change=change).train_loop


def test_what_a_stage_reads_follows_from_its_own_weights(build):
    off = {f'model.loss_weights.{name}': 0.0 for name in ('recon', 'diff')}
    first = 'train_cfg.stages.0'
    stage = {f'{first}.loaders': ['source'], f'{first}.loss_weights': dict(recon=2.0)}
    with pytest.raises(ValueError, match=r"new_parts: phase A reads .*; add \['target'\]"):
        _ = build(SMOKE, off | stage).train_loop
    _ = build(SMOKE, stage | {f'{first}.loss_weights': dict(recon=0.0, diff=0.0)}).train_loop


def test_images_that_doublings_do_not_restore_are_refused(build):
    def change(cfg) -> None:
        drawn_figures(cfg)
        cfg.train_dataloader.target.dataset.transforms = [dict(type='Resize', size=(72, 32))]

    with pytest.raises(ValueError, match=r'train_dataloader\.target gives images of 72 x 32; .*96'):
        _ = build(CONFIGS / 'arn_duke2market_code.py', change=change).train_loop
