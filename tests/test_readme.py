"""What the README tells a newcomer to type runs as it is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / 'README.md').read_text()


def python_block(first_line: str) -> str:
    """The README's Python block that starts with this line."""
    blocks = re.findall(r'```python\n(.*?)```', README, re.DOTALL)
    (found,) = [block for block in blocks if block.startswith(first_line)]
    return found


def test_plug_in_of_the_readme_trains(tmp_path):
    config = python_block('# my_experiment.py')
    assert "'configs/gcl_smoke.py'" in config
    (tmp_path / 'my_discriminator.py').write_text(python_block('# my_discriminator.py'))
    (tmp_path / 'my_experiment.py').write_text(
        config.replace('configs/gcl_smoke.py', str(ROOT / 'configs/gcl_smoke.py'))
    )
    stages = [f'train_cfg.stages.{number}.iters=2' for number in range(3)]
    run = subprocess.run(
        [sys.executable, ROOT / 'tools/train.py', 'my_experiment.py', '--cfg-options', *stages],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {'OMP_NUM_THREADS': '1'},
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    report = tmp_path / 'work_dirs/my_experiment/report.md'
    assert 'direct transfer' in report.read_text()
    assert 'adv.Dt.real' in run.stdout + run.stderr


@pytest.mark.parametrize('path', sorted(set(re.findall(r'(?:tools|configs)/\w+\.py', README))))
def test_file_that_the_readme_names_exists(path):
    assert (ROOT / path).is_file()


def test_config_table_of_the_readme_is_complete():
    listed = set(re.findall(r'^\| `(\w+\.py)` \|', README, re.MULTILINE))
    assert listed == {path.name for path in (ROOT / 'configs').glob('*.py')}
