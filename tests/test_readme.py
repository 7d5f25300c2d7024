"""The README: its length, the files it names, the names its Python block imports."""

import ast
import importlib
import re
from pathlib import Path

import pytest
from mypy import api as mypy

ROOT = Path(__file__).parents[1]
README = (ROOT / 'README.md').read_text()


def test_a_stranger_reads_it_in_two_minutes():
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize(
    'path', sorted(set(re.findall(r'(?:tools|configs|reidgen)/[\w/]+\.py', README)))
)
def test_file_that_the_readme_names_exists(path):
    assert (ROOT / path).is_file()


def test_what_the_python_block_imports_is_there():
    (block,) = re.findall(r'```python\n(.*?)```', README, re.DOTALL)
    imports = [node for node in ast.parse(block).body if isinstance(node, ast.ImportFrom)]
    assert imports
    for node in imports:
        module = importlib.import_module(node.module)
        assert [name.name for name in node.names if not hasattr(module, name.name)] == []


@pytest.mark.slow
def test_python_block_calls_what_is_there_as_it_is_typed(tmp_path, monkeypatch):
    (block,) = re.findall(r'```python\n(.*?)```', README, re.DOTALL)
    arrays = [
        f'{side}_{kind}' for side in ('query', 'gallery') for kind in ('pids', 'camids', 'features')
    ]
    given = 'import numpy as np\n' + ''.join(f'{name}: np.ndarray\n' for name in arrays)
    (tmp_path / 'block.py').write_text(given + block)
    monkeypatch.chdir(ROOT)  # for pyproject.toml
    monkeypatch.setenv('MYPYPATH', str(ROOT))
    output, errors, code = mypy.run([str(tmp_path / 'block.py')])
    assert code == 0, output + errors
