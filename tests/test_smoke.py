"""The smoke config: all stages, end to end."""

import json
from pathlib import Path

import pytest

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).parents[1] / 'configs/gcl_smoke.py'


def test_training_beats_an_untrained_encoder_on_drawn_figures(tmp_path):
    cfg = load_config(CONFIG, {'train_cfg.stages.0.baselines': ['direct']})
    cfg.work_dir = str(tmp_path)
    ReIDRunner.from_cfg(cfg).train()
    untrained = json.loads((tmp_path / 'baselines.json').read_text())['identity']['direct']
    evaluations = json.loads((tmp_path / 'evaluations.json').read_text())
    trained = [row['metrics'] for row in evaluations if row['stage'] == 'joint'][-1]
    assert trained['mAP'] > untrained['mAP']
    assert len(list((tmp_path / 'grids').glob('*.png'))) == 2
