import csv
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reidgen.cli import extract, model_arguments, parse, run_tool
from reidgen.datasets.folder import PATTERN as FOLDER_PATTERN
from reidgen.retrieval.feature_store import FeatureStore
from reidgen.retrieval.manifest import DTYPES

pytestmark = pytest.mark.slow

PATTERN = r'(?P<pid>\d+)_c(?P<camid>\d+)'


@pytest.fixture
def main():
    """Runs a subcommand with arguments; the message it ends with, None where all went well."""

    def run(name: str, *args) -> str | None:
        try:
            run_tool(name, list(map(str, args)))
        except SystemExit as end:
            return end.code or 'exit status 0'
        return None

    return run


@pytest.fixture(scope='module')
def extracted_once(tiny, pictures, tmp_path_factory):
    """Folder of the features of the eleven pictures; not to be changed."""
    out = tmp_path_factory.mktemp('extracted') / 'features'
    args = [tiny.config, tiny.checkpoint, '--images', pictures, '--pattern', PATTERN]
    args += ['--out', out, '--shard-size', 4, '--workers', 0]
    extract.run(parse('extract', list(map(str, args))))
    return out


@pytest.fixture
def extracted(extracted_once, tmp_path):
    return Path(shutil.copytree(extracted_once, tmp_path / 'features'))


def results(folder: Path) -> tuple[list[dict], dict]:
    with open(folder / 'results.csv', newline='') as file:
        return list(csv.DictReader(file)), json.loads((folder / 'results.json').read_text())


def ranking(features: np.ndarray, query: np.ndarray) -> list[int]:
    distances = np.square(features.astype(float) - query.astype(float)).sum(1)
    return distances.argsort(kind='stable').tolist()


@pytest.mark.parametrize('index', ['exact', 'faiss'])
def test_a_folder_is_searched_and_its_lists_written(
    index, main, extracted, pictures, tmp_path, capsys
):
    if index == 'faiss':
        pytest.importorskip('faiss', reason='the optional extra faiss is not installed')
    out = tmp_path / 'found'
    query = ('--query', pictures / 'b', '--pattern', PATTERN)
    assert main('search', extracted, *query, '--top', 4, '--index', index, '--out', out) is None
    store = FeatureStore(extracted)
    features, names = store.features().numpy(), [r.path for r in store.records(range(11)).values()]
    rows, about = results(out)
    assert len(rows) == 5 * 4
    for number, ranked in enumerate(about['ranked_lists']):
        own = names.index(f'b/{Path(ranked["path"]).name}')
        expected = ranking(features, features[own])[:4]
        hits = ranked['hits']
        assert [hit['row'] for hit in hits] == expected
        assert [hit['path'] for hit in hits] == [str(pictures / names[row]) for row in expected]
        assert hits[0]['distance'] == pytest.approx(0, abs=1e-6)
        kinds = [
            'match' if Path(names[row]).name[:4] == Path(names[own]).name[:4] else 'miss'
            for row in expected
        ]
        assert [hit['kind'] for hit in hits] == kinds
        of_csv = rows[4 * number : 4 * number + 4]
        assert [int(row['row']) for row in of_csv] == expected
        assert [row['kind'] for row in of_csv] == kinds
        assert {row['query'] for row in of_csv} == {ranked['path']}
    assert about['index'] == ('exact' if index == 'exact' else 'faiss Flat')
    assert about['approximate'] is False
    assert about['num_gallery'] == 11
    with Image.open(out / 'ranked_lists.png') as picture:
        assert picture.size == (4 + 5 * (64 + 8 + 4) + 12, 4 + 5 * (128 + 8 + 14 + 4))
    printed = capsys.readouterr().out
    assert f'5 queries, 11 gallery images, {about["seconds"]:.2f} s, index' in printed
    assert 'approximate' not in printed


def test_one_image_is_searched_without_names(main, extracted, pictures, tmp_path):
    path = sorted(pictures.rglob('*.png'))[6]
    assert main('search', extracted, '--query', path, '--top', 20, '--out', tmp_path / 'o') is None
    rows, _ = results(tmp_path / 'o')
    assert len(rows) == 11  # a gallery shorter than the list
    assert int(rows[0]['row']) == 6
    assert {row['kind'] for row in rows} == {'unknown'}


def test_a_store_is_searched_for_itself_and_by_camera(main, extracted, tmp_path):
    store = FeatureStore(extracted)
    features, camids = store.features().numpy(), store.labels()[1]
    query = ('--query', extracted, '--top', 3, '--show', 0)
    assert main('search', extracted, *query, '--out', tmp_path / 'all') is None
    assert main('search', extracted, *query, '--other-cameras', '--out', tmp_path / 'other') is None
    assert main('search', extracted, *query, '--cameras', 2, '--out', tmp_path / 'second') is None
    found = {
        name: [
            [hit['row'] for hit in one['hits']]
            for one in results(tmp_path / name)[1]['ranked_lists']
        ]
        for name in ('all', 'other', 'second')
    }
    for own in range(11):
        order = [row for row in ranking(features, features[own]) if row != own]
        assert found['all'][own] == order[:3]
        assert found['other'][own] == [row for row in order if camids[row] != camids[own]][:3]
        assert found['second'][own] == [row for row in order if camids[row] == 1][:3]
    assert not (tmp_path / 'all/ranked_lists.png').exists()


def test_an_approximate_index_says_so(main, extracted, tmp_path, capsys):
    pytest.importorskip('faiss', reason='the optional extra faiss is not installed')
    options = ('--index', 'faiss', '--faiss-factory', 'IVF2,Flat', '--faiss-search', 'nprobe=1')
    ended = main('search', extracted, '--query', extracted, *options, '--out', tmp_path / 'o')
    assert ended is None
    assert results(tmp_path / 'o')[1]['approximate'] is True
    assert 'index faiss IVF2,Flat nprobe=1 (approximate: ' in capsys.readouterr().out


def test_a_moved_store_finds_its_images_and_encoder_at_the_given_places(
    main, extracted, tiny, pictures, tmp_path
):
    path = extracted / 'manifest.json'
    manifest = json.loads(path.read_text())
    manifest['root'] = '/gone'
    manifest['encoder'] |= dict(config='/gone/c.py', checkpoint='/gone/c.pth')
    path.write_text(json.dumps(manifest))
    moved = shutil.move(extracted, tmp_path / 'moved')
    search = ('search', moved, '--query', pictures / 'a', '--out', tmp_path / 'o')
    assert 'say where it is: --checkpoint PATH' in main(*search)
    assert 'say where it is: --checkpoint PATH' in main(*search, '--config', tiny.config)
    encoder = ('--config', tiny.config, '--checkpoint', tiny.checkpoint)
    ended = main(*search, '--checkpoint', tiny.checkpoint)
    assert 'FileNotFoundError: no image /gone/' in ended
    assert 'with --root' in ended
    assert len(results(tmp_path / 'o')[1]['ranked_lists']) == 6  # written before anything is drawn
    assert main(*search, *encoder, '--root', pictures) is None


@pytest.mark.parametrize('query', ['images', 'store'])
def test_queries_of_another_checkpoint_are_refused(
    query, main, extracted, tiny, pictures, tmp_path
):
    other = tmp_path / 'other'
    given = ('--query', pictures / 'a', '--checkpoint', tiny.other_checkpoint)
    if query == 'store':
        extract = ('extract', tiny.config, tiny.other_checkpoint, '--images', pictures / 'a')
        assert main(*extract, '--out', other, '--workers', 0) is None
        given = ('--query', other)
    ended = main('search', extracted, *given, '--out', tmp_path / 'o')
    assert ended.startswith('ValueError: ')
    assert 'checkpoint_sha256' in ended
    assert 'other.pth' in ended
    assert len(ended.splitlines()) == 2  # the second says where the traceback is


@pytest.mark.parametrize(
    'options,error_text',
    [
        (['--cameras', 3], 'no image of .* is of camera 3; there are images of 1, 2'),
        (['--other-cameras'], 'the cameras of the queries are not known'),
        (['--index', 'faiss', '--cameras', 1], 'a faiss index knows no cameras'),
        (['--pattern', '(foo'], r"pattern '\(foo' is no regular expression: "),
    ],
)
def test_a_search_that_cannot_be_ends_with_one_line(
    options, error_text, main, extracted, pictures, tmp_path
):
    ended = main('search', extracted, '--query', pictures / 'a', *options, '--out', tmp_path / 'o')
    assert re.match(f'ValueError: {error_text}', ended)


def test_an_extraction_that_cannot_be_ends_with_one_line(main, tiny, pictures, tmp_path):
    extract = ('extract', tiny.config, tiny.checkpoint, '--out', tmp_path / 'o')
    assert main(*extract, '--dataset', 'market/query').startswith("ValueError: 'market/query' is")
    assert main(*extract, '--images', 'nowhere').startswith('FileNotFoundError: no folder or image')
    both = main(*extract, '--dataset', 'target/query', '--skip-corrupt')
    assert both.startswith('ValueError: --pattern, --skip-corrupt and --camera go with --images')
    missing = main('extract', tiny.config, 'no.pth', '--images', pictures, '--out', tmp_path / 'o')
    assert missing.startswith('FileNotFoundError: checkpoint no.pth does not exist')
    first, second = main(*extract, '--images', pictures, '--pattern', '(foo').splitlines()
    assert first.startswith("ValueError: pattern '(foo' is no regular expression: ")
    assert second.startswith('(traceback: ')


@pytest.fixture
def one_broken(pictures, tmp_path):
    """Three pictures, the last of them cut short."""
    folder = tmp_path / 'crops'
    folder.mkdir()
    for number, path in enumerate(sorted((pictures / 'a').iterdir())[:3]):
        content = path.read_bytes()
        (folder / path.name).write_bytes(content[: len(content) // 2] if number == 2 else content)
    return folder


@pytest.mark.parametrize('workers', [0, 2])
def test_a_broken_image_says_how_to_go_on_without_it_and_that_goes_on(
    workers, main, tiny, one_broken, tmp_path
):
    extract = ('extract', tiny.config, tiny.checkpoint, '--images', one_broken)
    extract += ('--out', tmp_path / 'o', '--workers', workers)
    broken = sorted(one_broken.iterdir())[2]
    first, second = main(*extract).splitlines()
    assert first.startswith(f'OSError: cannot read the image {broken}: ')
    assert '--skip-corrupt' in first
    assert second == f'(traceback: {tmp_path / "o/error.txt"})'
    assert main(*extract, '--skip-corrupt') is None
    assert len(FeatureStore(tmp_path / 'o')) == 2
    assert not (tmp_path / 'o/error.txt').exists()


def test_a_broken_query_can_be_left_out(main, extracted, one_broken, tmp_path):
    search = ('search', extracted, '--query', one_broken, '--out', tmp_path / 'o')
    assert '--skip-corrupt' in main(*search).splitlines()[0]
    assert main(*search, '--skip-corrupt') is None
    assert len(results(tmp_path / 'o')[1]['ranked_lists']) == 2


def test_a_search_without_faiss_ends_with_what_to_install(
    main, extracted, pictures, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'faiss', None)
    query = ('--query', pictures / 'a', '--index', 'faiss', '--out', tmp_path / 'o')
    first, second = main('search', extracted, *query).splitlines()
    assert first.startswith(
        "ImportError: the faiss index needs faiss: pip install 'reidgen[faiss]'"
    )
    assert second.startswith('(traceback: ')


def test_a_count_of_queries_to_show_that_is_none_is_refused(main, tmp_path, capsys):
    assert main('search', 'store', '--query', 'q', '--out', tmp_path, '--show', -3) == 2
    assert "argument --show: '-3' is not a whole number from 0" in capsys.readouterr().err


def test_the_pattern_of_the_help_reads_junk_of_market_1501_as_nobody(main, capsys):
    assert main('extract', '--help') == 'exit status 0'
    (pattern,) = re.findall(r"such as\s+'(.*?)'", capsys.readouterr().out, re.DOTALL)
    match = re.search(pattern, '-1_c12s1_000001_00.jpg')
    assert match.groupdict() == dict(pid='-1', camid='12')


def test_choices_of_the_command_line_are_those_of_the_library():
    assert model_arguments.DTYPES == DTYPES
    assert model_arguments.PATTERN == FOLDER_PATTERN
