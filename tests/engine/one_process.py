"""Trains gcl_tiny.py, or the config that an option `config` names: alone, or as one of several
processes (RANK in the environment).

python one_process.py '[[WORK_DIR, OUT.pth, {OPTION: VALUE, ...}], ...]'
"""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import torch  # noqa: E402

from reidgen.checkpoint import plain_key  # noqa: E402
from reidgen.engine import ReIDRunner  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.models.adversarial import unwrap_model  # noqa: E402


def train(work_dir: str, out: str, options: dict) -> None:
    resume = options.pop('resume', False)
    cfg = load_config(HERE / options.pop('config', 'gcl_tiny.py'), options)
    cfg.work_dir, cfg.resume, cfg.experiment_name = (
        work_dir,
        resume,
        Path(out).parent.name + str(resume),
    )
    cfg.launcher = 'pytorch' if 'RANK' in os.environ else 'none'
    runner = ReIDRunner.from_cfg(cfg)
    runner.train()
    state = unwrap_model(runner.model).state_dict()
    torch.save(
        dict(
            state={plain_key(key): value for key, value in state.items()},
            evaluations=runner.message_hub.runtime_info.get('evaluations', []),
        ),
        out,
    )


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    if 'RANK' in os.environ:
        torch.distributed.init_process_group('gloo')
    for job in json.loads(sys.argv[1]):
        train(*job)
    if 'RANK' in os.environ:
        torch.distributed.destroy_process_group()
