"""tools/benchmarks/peer.py: a function of another project's checkout."""

import pytest

from tools.benchmarks.peer import load_peer


def test_a_function_is_loaded_beside_its_neighbours_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setattr('sys.path', ['/nowhere'])
    folder = tmp_path / 'theirs/utils'
    folder.mkdir(parents=True)
    (folder / '__init__.py').write_text('import a_library_that_is_not_installed')
    (folder / 'constants.py').write_text('TWICE = 2')
    (folder / 'rank.py').write_text('from .constants import TWICE\ndef rank(x): return TWICE * x')
    assert load_peer(str(tmp_path), 'rank')(21) == 42


def test_a_peer_that_cannot_be_loaded_is_named(tmp_path):
    with pytest.raises(SystemExit, match='no such folder; give a checkout that defines rank'):
        load_peer(str(tmp_path / 'missing'), 'rank')
    with pytest.raises(SystemExit, match=r'no Python file there has `def rank\(`'):
        load_peer(str(tmp_path), 'rank')
    (tmp_path / 'broken.py').write_text('import a_library_that_is_not_installed\ndef rank(x): ...')
    with pytest.raises(SystemExit, match=r'broken\.py cannot be imported: ModuleNotFoundError'):
        load_peer(str(tmp_path), 'rank')
