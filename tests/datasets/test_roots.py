from pathlib import Path

import pytest

from reidgen.datasets import Market1501, RenderedMesh, SyntheticReID
from reidgen.datasets.joint_heatmap import JointHeatmap
from reidgen.datasets.roots import as_path, as_places


def test_places_are_paths_with_the_home_folder_expanded(monkeypatch):
    monkeypatch.setenv('HOME', '/home/somebody')
    assert as_places('~/data') == [Path('/home/somebody/data')]
    assert as_places(['a', Path('b')]) == [Path('a'), Path('b')]


@pytest.mark.parametrize('value', ['', '  ', 'a\0b'])
def test_text_that_is_no_path_is_refused(value):
    with pytest.raises(ValueError, match=r'root is .*; it must be a path'):
        as_path(value, 'root')


@pytest.mark.parametrize('value', [5, None, {'a': 1}, b'a', 1.5])
def test_other_types_are_refused(value):
    with pytest.raises(TypeError, match=r'root is .*; it must be a path or a list of paths'):
        as_places(value)


def test_no_place_at_all_is_refused():
    with pytest.raises(ValueError, match='root is an empty list; name a folder'):
        as_places([])


@pytest.mark.parametrize('kind', [Market1501, RenderedMesh, JointHeatmap])
def test_a_number_as_root_is_named(kind):
    with pytest.raises(TypeError, match='root is 5; it must be a path'):
        kind(root=5)
    with pytest.raises(TypeError, match='root is 5; it must be a path'):
        SyntheticReID(size='tiny', root=5)
