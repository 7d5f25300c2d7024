"""The smoke configs: all stages, end to end."""

import json
from pathlib import Path

import pytest

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[1] / 'configs'
# a checkpoint takes longer than an iteration
FEW_FILES = {f'default_hooks.checkpoint.{key}': None for key in ('save_best', 'best_stages')}
FEW_FILES |= {'default_hooks.checkpoint.interval': 1000}


def test_training_beats_an_untrained_encoder_on_drawn_figures(tmp_path):
    short = {f'train_cfg.stages.{n}.iters': 2 for n in (1, 2)} | {
        'train_cfg.stages.2.eval_every': 2
    }
    options = {
        'train_cfg.stages.0.iters': 20,
        'train_cfg.stages.0.lr.I.milestones': [15],
        'train_cfg.stages.0.baselines': ['direct'],
        'default_hooks.best_loss': None,
    }
    cfg = load_config(CONFIGS / 'gcl_smoke.py', options | FEW_FILES | short)
    cfg.work_dir = str(tmp_path)
    ReIDRunner.from_cfg(cfg).train()
    untrained = json.loads((tmp_path / 'baselines.json').read_text())['identity']['direct']
    evaluations = json.loads((tmp_path / 'evaluations.json').read_text())
    trained = [row['metrics'] for row in evaluations if row['stage'] == 'joint'][-1]
    assert trained['mAP'] > untrained['mAP']
    assert len(list((tmp_path / 'grids').glob('*.png'))) == 2


def test_single_domain_gcl_runs_through_its_stages_and_controls(tmp_path):
    cfg = load_config(CONFIGS / 'gcl_single_smoke.py', FEW_FILES)
    cfg.work_dir = str(tmp_path)
    ReIDRunner.from_cfg(cfg).train()
    rows = json.loads((tmp_path / 'evaluations.json').read_text())
    assert [row['stage'] for row in rows] == ['generators', 'joint', 'same', 'augmented', 'turned']
    report = (tmp_path / 'report.md').read_text()
    assert '**direct transfer** (before stage generators)' in report  # the warm-up
    assert len(list((tmp_path / 'grids').glob('*.png'))) == 2
    assert len(list((tmp_path / 'clusters').glob('*.png'))) == 3 + 3
