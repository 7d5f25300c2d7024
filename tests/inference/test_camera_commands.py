"""Commands, programs and the demo on model files with batch-norm statistics by camera."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import reidgen
from reidgen.cli import extract, parse, search
from reidgen.cli.demo import cameras_of
from reidgen.demo.gallery import Gallery
from reidgen.retrieval import FeatureStore
from tests.inference.conftest import CAMERAS, close, expected, paths_of, run_export


def test_extraction_and_search_take_a_sub_folder_for_the_camera(by_camera, crops, tmp_path):
    store = tmp_path / 'store'
    extract.run(
        parse(
            'extract',
            [str(by_camera), '--images', str(crops), '--out', str(store), '--workers', '0'],
        )
    )
    features = FeatureStore(store)
    rows = [Path(record.path).parts[0] for record in features.records(range(9)).values()]
    found = features.features()
    for camera in CAMERAS:
        close(found[[row for row in range(9) if rows[row] == camera]], expected(crops, camera))
    query = ['--query', str(paths_of(crops, '2')[0]), '--out', str(tmp_path / 'found')]
    with pytest.raises(ValueError, match=r'the camera of images is not known, .*--camera NAME'):
        search.run(parse('search', [str(store), *query]))
    search.run(parse('search', [str(store), *query, '--camera', '2', '--show', '0', '--top', '1']))
    assert 'c2_0.png,1,' in (tmp_path / 'found/results.csv').read_text()
    for camera in CAMERAS:  # by name, whatever its number in the file
        options = ['--camera', '2', '--cameras', camera, '--show', '0']
        search.run(parse('search', [str(store), *query, *options]))
        with open(tmp_path / 'found/results.csv', newline='') as results:
            hits = list(csv.DictReader(results))
        assert len(hits) == CAMERAS[camera]
        assert {(hit['camera'], Path(hit['path']).parts[-2]) for hit in hits} == {(camera, camera)}
    with pytest.raises(ValueError, match='is of camera 1; there are images of 2, 10'):
        search.run(parse('search', [str(store), *query, '--camera', '2', '--cameras', '1']))


def test_extraction_takes_the_camera_from_a_pattern_or_an_option(by_camera, crops, tmp_path):
    flat = tmp_path / 'flat'
    flat.mkdir()
    for path in paths_of(crops, '10'):
        shutil.copy(path, flat)
    for number, option in enumerate((['--pattern', r'c(?P<camid>\d+)_'], ['--camera', '10'])):
        out = tmp_path / str(number)
        args = ['--images', str(flat), '--out', str(out), '--workers', '0', *option]
        extract.run(parse('extract', [str(by_camera), *args]))
        close(FeatureStore(out).features(), expected(crops, '10'))


def test_export_writes_a_file_of_ones_own_cameras(file, crops, tmp_path, capsys):
    out = tmp_path / 'mine.safetensors'
    pattern = ['--camera-pattern', r'/c(?P<camid>\d+)_']
    run_export(file, '--cameras', crops, *pattern, '--out', out)
    assert 'batch-norm statistics by camera: 2, 10' in capsys.readouterr().out
    close(reidgen.load(out).embed(paths_of(crops, '2'), camera='2'), expected(crops, '2'))


@pytest.mark.parametrize(
    'args, message',
    [
        (
            ['m.pth', 'c.pth', '--cameras', 'x', '--out', 'a.safetensors'],
            'of another: `reidgen exp',
        ),
        (['m.safetensors', '--cameras', 'x', '--out', 'a.onnx'], 'programs are made of that'),
        (['m.safetensors', '--camera-pattern', 'x', '--out', 'a.onnx'], 'goes with --cameras'),
        (['m.safetensors', '--camera', 'x', '--out', 'a.safetensors'], '--camera is of a program'),
    ],
)
def test_options_about_cameras_that_do_not_fit_are_refused(args, message):
    with pytest.raises(ValueError, match=message):
        run_export(*args)


def test_a_program_has_the_statistics_of_one_camera(by_camera, crops, tmp_path):
    out = tmp_path / 'ten.pt2'
    run_export(by_camera, '--camera', '10', '--check', crops / '10', '--out', out)
    program = torch.export.load(str(out)).module()
    images = np.stack([np.asarray(Image.open(path)) for path in paths_of(crops, '10')])
    close(program(torch.from_numpy(images)), expected(crops, '10'))
    with pytest.raises(ValueError, match='the camera of images is not known'):
        run_export(by_camera, '--out', tmp_path / 'none.pt2')


def test_the_demo_searches_pictures_by_the_cameras_of_their_sub_folders(by_camera, crops):
    model, paths = reidgen.load(by_camera, 'cpu'), paths_of(crops, '2') + paths_of(crops, '10')
    cameras = cameras_of(model, str(crops), paths)
    assert cameras == ['2'] * 5 + ['10'] * 4
    found = Gallery(model, paths, cameras).search(np.asarray(Image.open(paths[7])), 9, '10')
    rows = np.concatenate([expected(crops, camera) for camera in CAMERAS])
    order = np.argsort(-(rows @ rows[7]))
    assert [caption.split()[-1] for _, caption in found] == [paths[row].name for row in order]
    with pytest.raises(ValueError, match=r'by camera: 2, 10; give pictures of these: --gallery'):
        cameras_of(model, None, paths)
