"""Sources that are none, and what of a source's own test is refused or left out before training."""

import re

import pytest

from reidgen.adaptation.source import find_source, source_test

TRAIN = [f'bounding_box_train/{pid}_c{camera}_1.png' for pid in range(1, 5) for camera in (1, 2)]
RESIZE = dict(type='Resize', size=(32, 16))


@pytest.mark.parametrize(
    'name,error,message',
    [
        ('nowhere', FileNotFoundError, r'no folder .*nowhere, and no built-in set .*synth_a'),
        ('crops', ValueError, r'--source: .*a\.png does not tell person and camera'),
    ],
)
def test_a_source_that_is_none_is_told(name, error, message, draw, tmp_path, monkeypatch):
    draw('crops', ['a.png'])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        find_source(name)


@pytest.fixture
def tested(draw, tmp_path):
    """The test of a source in the layout of Market-1501 with these files of query and gallery."""

    def build(query: list[str], gallery: list[str]):
        folder = draw('people', [*TRAIN, *(f'query/{name}' for name in query)])
        draw('people', [f'bounding_box_test/{name}' for name in gallery])
        config = dict(type='FolderReID', root=str(folder), layout='market')
        transforms = [RESIZE, dict(type='RandomFlip', prob=0.5)]
        return source_test(dict(config, split='train', transforms=transforms), 'market1501')

    return build


def test_query_and_gallery_are_read_as_in_training_without_chance(tested, capsys):
    found = tested(['7_c1_1.png'], ['7_c2_1.png', '8_c2_1.png'])
    assert (found.metainfo['num_query'], len(found)) == (1, 3)
    assert len(found.transforms) == 1
    assert found[0].img.shape == (3, 32, 16)
    assert 'remark' not in capsys.readouterr().out


@pytest.mark.parametrize(
    'query,gallery,told',
    [
        ([], ['7_c2_1.png'], 'no folder .*query'),
        (['notes.png.txt'], ['7_c2_1.png'], 'query holds no image'),
        (['-1_c1_1.png'], ['7_c2_1.png'], 'no image is left'),
        (['7_c1_1.png'], ['7_c1_2.png'], 'none of 1 queries has a match'),
        (['7_c1_1.png'], ['8_c2_2.png'], 'none of 1 queries has a match'),
    ],
)
def test_a_source_without_anything_to_score_has_no_test_but_a_remark(
    query, gallery, told, tested, draw, tmp_path, capsys
):
    texts = [name for name in query if name.endswith('.txt')]
    for name in texts:
        (tmp_path / 'people/query').mkdir(parents=True)
        (tmp_path / 'people/query' / name).touch()
    assert tested([name for name in query if name not in texts], gallery) is None
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith('remark: source')]
    assert re.search(told, line)


def test_a_name_in_the_query_that_tells_nobody_is_an_error(tested):
    with pytest.raises(ValueError, match=r'query/holiday\.png: the file name .*; rename it'):
        tested(['7_c1_1.png', 'holiday.png'], ['7_c2_1.png'])


def test_a_flat_folder_has_no_test():
    assert source_test(dict(type='FolderReID', root='people'), 'market1501') is None
