"""tools/benchmarks/gpu.py, at small sizes on a CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = [sys.executable, 'tools/benchmarks/gpu.py', '--device', 'cpu']
# two groups fewer than all: bf16 has their code
GROUPS = ('peak', 'tests', 'bf16', 'retrieval', 'loader')


def run(out: Path, *groups: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*SCRIPT, '--groups', *groups, '--json', str(out)],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
    )


def test_every_group_of_the_gpu_benchmark_runs_on_a_cpu(tmp_path):
    done = run(tmp_path / 'gpu.json', *GROUPS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    rows = json.loads((tmp_path / 'gpu.json').read_text())['rows']
    assert {row['group'] for row in rows} == set(GROUPS)
    assert not any('error' in row for row in rows)
    assert sum(row.get('result') == 'passed' for row in rows) > 20
    first, second = (row for row in rows if row['group'] == 'bf16')
    assert second['batch_size'] == 2 * first['batch_size']
    peak = max(row['tflops'] for row in rows if row.get('precision') == 'bf16' and 'tflops' in row)
    assert first['share_of_peak'] == pytest.approx(first['step_tflops'] / peak)


def test_a_group_that_fails_is_a_row_and_the_next_goes_on(tmp_path):
    (tmp_path / 'PIL').mkdir()
    (tmp_path / 'PIL/__init__.py').write_text("raise ImportError('no pictures here')")
    done = run(tmp_path / 'gpu.json', 'loader', 'peak', PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    rows = json.loads((tmp_path / 'gpu.json').read_text())['rows']
    assert rows[0]['error'] == 'exit status 1: ImportError: no pictures here'
    assert [row['group'] for row in rows[1:]] == ['peak'] * 6
