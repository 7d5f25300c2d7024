"""Imports point one way, and `import reidgen` costs nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BASE = {
    'registry',
    'structures',
    'rng',
    'checkpoint',
    'choices',
    'command_line',
    'device_reads',
    'files',
    'gradients',
    'shipped',
    'spacing',
}
MIDDLE = {'models', 'losses', 'memory', 'datasets', 'evaluation'}

# part of reidgen -> parts that it may import, beside itself and the base row
MAY_IMPORT = {
    **{name: set() for name in BASE},
    'models': set(),
    'losses': set(),
    'datasets': {'synthetic'},
    'synthetic': set(),
    'body_fit': {'datasets', 'synthetic'},
    'evaluation': set(),
    'memory': {'evaluation'},
    'visualization': {'evaluation', 'datasets'},
    'engine': MIDDLE | {'visualization'},
    'retrieval': MIDDLE | {'visualization', 'engine'},
    'inference': MIDDLE | {'engine', 'retrieval'},
    'demo': MIDDLE | {'inference'},
    'reporting': MIDDLE | {'visualization', 'engine'},
    'adaptation': MIDDLE | {'engine'},
    'cli': MIDDLE
    | {'visualization', 'engine', 'retrieval', 'inference', 'reporting', 'synthetic', 'adaptation'}
    | {'body_fit', 'demo'},
}
MODULES = sorted((ROOT / 'reidgen').rglob('*.py'))


def imported(source: str, module: str, is_package: bool = False) -> set[str]:
    """Absolute names of all that a module imports anywhere in it, relative ones resolved.

    `from a import b` gives both a and a.b, as b may be a module.
    """
    package = module.split('.') if is_package else module.split('.')[:-1]
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            parent = '.'.join([*above, *([node.module] if node.module else [])])
            names |= {parent} | {f'{parent}.{alias.name}' for alias in node.names}
    return names


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """Imports of a module of reidgen that its part may not have, sorted."""
    parts = module.split('.')
    part = parts[1] if len(parts) > 1 else ''
    allowed = BASE | {part} | MAY_IMPORT.get(part, set()) if part else set()
    wrong = []
    for name in imported(source, module, is_package):
        top, _, rest = name.partition('.')
        inside = rest.partition('.')[0]
        if top in ('projects', 'tests', 'tools') or (
            top == 'reidgen' and inside in MAY_IMPORT and inside not in allowed
        ):
            wrong.append(name)
    return sorted(wrong)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def test_every_part_of_reidgen_has_its_place_in_the_rule():
    parts = {name_of(path).split('.')[1] for path in MODULES if name_of(path) != 'reidgen'}
    assert parts <= set(MAY_IMPORT), 'give the new part a row in MAY_IMPORT'
    assert len(MODULES) > 50


@pytest.mark.parametrize('part', sorted(MAY_IMPORT))
def test_imports_point_one_way(part):
    wrong = {}
    for path in MODULES:
        module = name_of(path)
        if module.split('.')[1:2] == [part]:
            found = violations(path.read_text(), module, path.name == '__init__.py')
            wrong |= {module: found} if found else {}
    assert wrong == {}


@pytest.mark.parametrize(
    'module, source, expected',
    [
        ('reidgen.losses.gan', 'from reidgen.models import AdversarialModel', 2),
        ('reidgen.losses.gan', 'import reidgen.models.adversarial', 1),
        ('reidgen.losses.gan', 'def f():\n    from ..models import layers', 2),
        ('reidgen.structures', 'from .models import adversarial', 2),
        ('reidgen.structures', 'from . import engine', 1),
        ('reidgen.models.adversarial', 'from reidgen.engine.step import run_phases', 2),
        ('reidgen.models.adversarial', 'from projects.cagan import cagan', 2),
        ('reidgen.evaluation.identification', 'from reidgen.memory import bank', 2),
        ('reidgen.engine.train_loop', 'from reidgen import retrieval', 1),
        ('reidgen.memory.jaccard', 'from reidgen.evaluation import neighbours', 0),
        ('reidgen.memory.jaccard', 'from . import bank\nimport torch', 0),
        ('reidgen.models.adversarial', 'from reidgen.rng import StepRNG', 0),
        ('reidgen.engine.hooks.stage', 'from ..step import x\nfrom reidgen import models', 0),
    ],
)
def test_the_rule_sees_an_import_however_it_is_written(module, source, expected):
    assert len(violations(source, module)) == expected


def test_a_relative_import_of_a_package_starts_at_the_package():
    assert imported('from . import a', 'reidgen.losses', is_package=True) == {
        'reidgen.losses',
        'reidgen.losses.a',
    }
    assert imported('from .. import a', 'reidgen.losses.gan') == {'reidgen', 'reidgen.a'}


def test_importing_reidgen_loads_no_torch_and_none_of_its_parts():
    code = (
        'import sys, reidgen; '
        'print(reidgen.__version__, *sorted(m for m in sys.modules '
        "if m.startswith('reidgen.') or m in ('torch', 'mmengine', 'numpy')))"
    )
    run = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    version, *loaded = run.stdout.split()
    assert version[0].isdigit()
    assert loaded == []


def test_no_project_imports_another():
    wrong = {}
    for path in sorted((ROOT / 'projects').rglob('*.py')):
        own, *inside = path.relative_to(ROOT / 'projects').parts
        if not inside:
            continue
        names = imported(path.read_text(), f'projects.{own}.{path.stem}')
        others = [
            name
            for name in names
            if name.startswith('projects.') and not f'{name}.'.startswith(f'projects.{own}.')
        ]
        wrong |= {str(path): others} if others else {}
    assert wrong == {}
