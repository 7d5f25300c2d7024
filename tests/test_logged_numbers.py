"""docs/logged_numbers.md: every term that a model logs has an entry, and the floors are right."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reidgen.engine.diagnosis import objective_of
from tests.doc_snippets import ROOT

PAGE = (ROOT / 'docs/logged_numbers.md').read_text(encoding='utf-8')
MODULES = sorted(
    [*(ROOT / 'reidgen/models').rglob('*.py'), *(ROOT / 'reidgen/losses').rglob('*.py')]
    + [path for path in (ROOT / 'projects').glob('*/*/*.py') if path.parent.name != 'tests']
)
NAMED = set(re.findall(r'`(?:\w/loss_|[A-Z]/)?([a-z_0-9]+(?:[./][\w<>./]+)?)`', PAGE))


def strings(tree: ast.AST) -> Iterator[str]:
    """Strings of a module, with X for what is put into them."""
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= set(node.values)
            yield ''.join(x.value if isinstance(x, ast.Constant) else 'X' for x in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield node.value


def families(tree: ast.AST) -> Iterator[str]:
    """Families of losses that the classes of a module declare."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {getattr(target, 'attr', getattr(target, 'id', '')) for target in targets}
        if 'loss_families' in names:
            yield from strings(node.value)
        if 'default_weights' in names:
            yield from (x.arg for x in ast.walk(node.value) if isinstance(x, ast.keyword))


def logged(modules: list[Path]) -> tuple[set[str], set[str]]:
    """Families of losses, and names of terms and statistics, X for a part that varies."""
    trees = [ast.parse(path.read_text(encoding='utf-8')) for path in modules]
    known = {name for tree in trees for name in families(tree)}
    term = re.compile(rf'({"|".join(sorted(known))}|stat)(\.\w+)+')
    return known, {name for tree in trees for name in strings(tree) if term.fullmatch(name)}


def is_explained(name: str) -> bool:
    """Whether an entry of the page is of this term, or of one that it can be."""
    for entry in NAMED:
        as_entry = re.sub(r'<\w+>', r'\\w+', entry.replace('.', r'\.'))
        as_term = name.replace('.', r'\.').replace('X', r'\w+')
        plain = re.sub(r'<\w+>', 'X', entry)
        if re.fullmatch(as_entry, name) or re.fullmatch(as_term, plain):
            return True
    return False


@pytest.mark.slow
def test_every_term_that_a_model_logs_is_explained():
    known, terms = logged(MODULES)
    assert {'adv', 'memory_t', 'con', 'foreground', 'generated'} <= known
    assert {'adv.X.real', 'stat.X.X_fake', 'content.s2t', 'stat.M', 'gp.X', 'recon.back'} <= terms
    assert sorted(name for name in terms if not is_explained(name)) == []
    assert sorted(known - {entry.partition('.')[0] for entry in NAMED}) == []


def test_a_term_without_an_entry_is_found(tmp_path):
    (tmp_path / 'model.py').write_text(
        "class A:\n    loss_families = ('adv', 'odd')\n"
        "    def f(self, n):\n        return {f'odd.{n}': 1, 'stat.odd': 2, 'adv.D.real': 3}\n"
    )
    known, terms = logged([tmp_path / 'model.py'])
    assert known == {'adv', 'odd'}
    assert {name for name in terms if not is_explained(name)} == {'odd.X', 'stat.odd'}


FLOORS = re.findall(r'^\| `(\w+)` \|((?: [\w. ]+ \|){6})$', PAGE, re.MULTILINE)


@pytest.mark.parametrize('mode, cells', FLOORS, ids=lambda cell: ' '.join(cell.split()))
def test_floor_and_guess_of_a_discriminator_are_those_of_the_diagnosis(mode, cells):
    real, fake, flip_prob, scales, floor, guess = (cell.strip() for cell in cells.split('|')[:-1])
    ranges = [[float(x) for x in cell.split(' to ')] for cell in (real, fake)]
    objective = objective_of(mode, *((r[0], r[-1]) for r in ranges), float(flip_prob))
    found = [float(scales) * value for value in (objective.floor, objective.guess)]
    assert found == pytest.approx([float(floor), float(guess)], abs=5.1e-4)


def test_the_table_of_floors_is_read():
    assert len(FLOORS) == 12
