"""Worker processes of loaders across stages."""

from pathlib import Path

import pytest
from mmengine.hooks import Hook

from reidgen.datasets import ShapesReID
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config

CONFIG = Path(__file__).with_name('gcl_tiny.py')


class Marked(Hook):
    """Numbers the stage in the images that a data set hands out, and reads the number of each."""

    priority = 'ABOVE_NORMAL'

    def __init__(self, monkeypatch):
        self.monkeypatch, self.plain, self.stages, self.seen = (
            monkeypatch, ShapesReID.__getitem__, 0, [],
        )  # fmt: skip

    def before_stage(self, runner) -> None:
        self.stages += 1
        number, plain = self.stages, self.plain
        self.monkeypatch.setattr(
            ShapesReID, '__getitem__', lambda data, row: plain(data, row)._replace(camid=number)
        )

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.seen.append(set(data_batch.identity.camid.tolist()))


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 1])
def test_a_stage_draws_what_the_data_set_hands_out_since_it_began(workers, tmp_path, monkeypatch):
    stage = dict(iters=2, phases=['I'], loaders=['identity'])
    cfg = load_config(CONFIG, {'train_dataloader.identity.num_workers': workers})
    cfg.train_cfg.stages = [dict(stage, name='first'), dict(stage, name='second')]
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name  # mmengine keeps one scope a name
    runner, hook = ReIDRunner.from_cfg(cfg), Marked(monkeypatch)
    runner.register_hook(hook)
    runner.train()
    assert hook.seen == [{1}, {1}, {2}, {2}]
