"""tools/benchmarks/gpu.py, at small sizes on a CPU."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / 'tools/benchmarks'


@pytest.fixture
def rows_of(monkeypatch):
    """Rows of a group, as its process makes them."""
    monkeypatch.syspath_prepend(str(TOOLS))
    rows = importlib.import_module('gpu_rows').rows
    return lambda group: list(rows(group, 'cpu', True, 60))


def test_gpu_tests_are_rows_of_their_results(rows_of):
    rows = rows_of('tests')
    assert len(rows) > 20
    assert [row for row in rows if row != dict(name=row['name'], result='passed')] == []


# of the training steps the others have this one's code
@pytest.mark.parametrize('group, key', [('retrieval', 'seconds'), ('loader', 'images_per_second')])
def test_rows_of_a_group_hold_what_was_measured(rows_of, group, key):
    assert all(row[key] > 0 for row in rows_of(group))


def test_a_step_has_the_share_of_the_peak_in_its_precision(rows_of, tmp_path, monkeypatch):
    monkeypatch.setattr('gpu_rows.set_precision', lambda precision: None)  # of the whole process
    report = importlib.import_module('gpu').Report(str(tmp_path / 'gpu.json'), {})
    report.add('peak', dict(name='product', precision='bf16', tflops=2.0))
    report.add('peak', dict(name='product', precision='fp32', tflops=9.0))
    for row in rows_of('bf16'):
        report.add('bf16', row)
    first, second = json.loads((tmp_path / 'gpu.json').read_text())['rows'][2:]
    assert second['batch_size'] == 2 * first['batch_size']
    assert first['share_of_peak'] == pytest.approx(first['step_tflops'] / 2)


def test_a_group_that_fails_is_a_row_and_the_next_goes_on(tmp_path):
    (tmp_path / 'PIL').mkdir()
    (tmp_path / 'PIL/__init__.py').write_text("raise ImportError('no pictures here')")
    command = [sys.executable, str(TOOLS / 'gpu.py'), '--device', 'cpu', '--json', 'gpu.json']
    done = subprocess.run(
        [*command, '--groups', 'loader', 'peak'],
        cwd=tmp_path,
        env=os.environ | dict(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    rows = json.loads((tmp_path / 'gpu.json').read_text())['rows']
    assert rows[0]['error'] == 'exit status 1: ImportError: no pictures here'
    assert [row['group'] for row in rows[1:]] == ['peak'] * 6
