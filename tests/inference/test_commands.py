"""Subcommands that use or write model files."""

import re
import shutil
import sys

import pytest
import torch

import reidgen
from reidgen.cli import doctor, main, models, parse
from reidgen.cli.compare import run as compare
from reidgen.cli.extract import run as extract
from reidgen.cli.translate import run as translate
from reidgen.datasets.image_files import read_rgb
from reidgen.inference import model_names, pack, read_model_file
from reidgen.inference.packing import Packing
from reidgen.retrieval import FeatureStore
from tests.inference.conftest import run_export, untrained


def test_comparison_prints_decision_score_and_error_rates(model_file, paths, capsys):
    compare(parse('compare', [str(paths[0]), str(paths[0]), '--model', str(model_file)]))
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        'one person: similarity 1.000, threshold 0.750; probability 0.95 if both were equally '
        'likely before'
    )
    assert second.startswith('at this threshold 1.0% of the pairs of two persons were called one')


def test_a_model_file_is_extracted_without_a_config(model_file, model, paths, tmp_path):
    args = ['--images', str(tmp_path), '--out', str(tmp_path / 'store'), '--workers', '0']
    extract(parse('extract', [str(model_file), *args]))
    store = FeatureStore(tmp_path / 'store')
    torch.testing.assert_close(store.features(), model.embed(paths))
    assert store.manifest.encoder.config == str(model_file)


@pytest.mark.parametrize(
    'given, surplus',
    [
        (['c.pth', '--images', '.'], 'CHECKPOINT'),
        (['--dataset', 'a/train'], 'dataset'),
        (['--images', '.', '--cfg-options', 'model.a=1'], 'cfg_options'),
    ],
)
def test_what_a_model_file_does_not_have_is_refused(model_file, given, surplus):
    args = parse('extract', [str(model_file), *given, '--out', 'x'])
    with pytest.raises(ValueError, match=rf'settings of its own .*: leave {surplus} out'):
        extract(args)


def test_splits_of_a_model_file_which_has_no_data_sets_are_refused(model_file):
    given = [str(model_file), '--images', '.', '--out', 'x', '--splits', 'query']
    with pytest.raises(ValueError, match='and no checkpoint, loader, splits or options'):
        translate(parse('translate', given))


@pytest.mark.parametrize('command', ['translate', 'generate'])
def test_commands_that_one_process_runs_take_no_launcher(command, capsys):
    with pytest.raises(SystemExit):
        parse(command, ['c.py', 'c.pth', '--out', 'x', '--launcher', 'pytorch'])
    assert 'unrecognized arguments: --launcher pytorch' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize('maps', [False, True], ids=['CycleGAN', 'GCL'])
def test_a_folder_is_translated_by_a_model_file(maps, tiny, paths, tmp_path):
    out, copies = tmp_path / 'a.safetensors', tmp_path / 'copies'
    if maps:
        options = {
            f'train_dataloader.{name}.dataset.pose_map': dict(type='Grayscale', _delete_=True)
            for name in ('source', 'target')
        }
        pack(tiny.config, tiny.checkpoint, out, Packing(translate=True), options)
    else:
        config = 'projects/cyclegan/configs/cyclegan_smoke.py'
        checkpoint = untrained(config, tmp_path / 'a.pth')
        pack(config, checkpoint, out, Packing(translate=True))
    command = [str(out), '--images', str(tmp_path), '--out', str(copies), '--domain', 'source']
    translate(parse('translate', command))
    pictures = read_images(copies / path.name for path in paths)
    assert torch.equal(pictures, reidgen.load(out, 'cpu').translate(paths, 'source'))


@pytest.mark.slow
def test_pictures_of_one_name_in_a_folder_a_camera_are_translated_each_in_its_own(paths, tmp_path):
    out, crops, copies = (tmp_path / name for name in ('a.safetensors', 'crops', 'copies'))
    config = 'projects/cyclegan/configs/cyclegan_smoke.py'
    pack(config, untrained(config, tmp_path / 'a.pth'), out, Packing(translate=True))
    for camera, path in zip('12', paths):
        (crops / camera).mkdir(parents=True)
        shutil.copy(path, crops / camera / f'0001{path.suffix}')
    command = [str(out), '--images', str(crops), '--out', str(copies), '--domain', 'source']
    translate(parse('translate', command))
    written = sorted(copies.glob('*/*'))
    assert [path.parent.name for path in written] == ['1', '2']
    expected = reidgen.load(out, 'cpu').translate(paths[:2], 'source')
    assert torch.equal(read_images(written), expected)
    assert not torch.equal(*expected)
    translate(parse('translate', command))  # what is there is kept
    with pytest.raises(ValueError, match='other'):
        translate(parse('translate', [*command[:-1], 'target']))


def read_images(paths) -> torch.Tensor:
    return torch.stack([read_rgb(path) for path in paths])


def test_a_folder_is_translated_by_a_model_file_with_generators_alone(model_file, tmp_path):
    given = [str(model_file), '--out', str(tmp_path / 'out')]
    with pytest.raises(ValueError, match='is a model file: give the pictures by --images FOLDER'):
        translate(parse('translate', given))
    with pytest.raises(ValueError, match='has no generators'):
        translate(parse('translate', [*given, '--images', str(tmp_path)]))
    with pytest.raises(ValueError, match='give its checkpoint; --images goes with a model file'):
        translate(parse('translate', ['configs/gcl_smoke.py', '--out', 'x']))


@pytest.mark.slow
def test_export_writes_a_model_file_and_from_it_a_program(tiny, tmp_path, capsys):
    out = tmp_path / 'tiny.safetensors'
    run_export(tiny.config, tiny.checkpoint, '--out', out, '--licence', 'CC0', '--data', 'figures')
    printed = capsys.readouterr().out
    assert 'licence of the weights: CC0' in printed
    assert 'no threshold for `compare`: evaluate the checkpoint' in printed
    assert read_model_file(out)[0].training_data == 'figures'
    run_export(out, '--out', tmp_path / 'tiny.pt2')
    assert '16 images: features differ from torch by 0.0e+00 at most at' in capsys.readouterr().out


def test_what_cannot_be_exported_is_told_with_the_command(tiny, model_file):
    with pytest.raises(ValueError, match=r'`reidgen export CONFIG CHECKPOINT --out a\.safeten'):
        run_export(model_file, '--out', 'a.safetensors')
    with pytest.raises(ValueError, match=r'first `reidgen export CONFIG CHECKPOINT'):
        run_export(tiny.config, tiny.checkpoint, '--out', 'a.onnx')
    with pytest.raises(ValueError, match=r'give a name that ends in \.safetensors'):
        run_export(tiny.config, tiny.checkpoint, '--out', 'a.pth')


def test_without_onnx_the_extra_is_named(model_file, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ImportError, match=r"pip install 'reidgen\[onnx\]'"):
        run_export(model_file, '--out', 'a.onnx')


def test_models_are_listed_and_described(model_file, capsys):
    models.run(parse('models', []))
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == model_names()
    models.run(parse('models', [str(model_file)]))
    assert capsys.readouterr().out.startswith('stripes: images 16 x 8, features of 6 dimensions')


def test_an_error_of_a_command_is_one_line(tmp_path, capsys):
    (tmp_path / 'a.safetensors').write_bytes(b'no model')
    with pytest.raises(SystemExit) as end:
        main(['compare', 'a.jpg', 'b.jpg', '--model', str(tmp_path / 'a.safetensors')])
    first, second = str(end.value.code).splitlines()
    assert re.match(r'ValueError: the model file .*a\.safetensors is cut short or damaged', first)
    assert second.startswith('(traceback: ')


# ---- doctor ----


def states(checks) -> dict[str, str]:
    return {check.text.partition(':')[0]: check.state for check in checks}


def test_doctor_tells_data_sets_from_folders_that_are_none(tmp_path):
    for name in ('bounding_box_train', 'query', 'bounding_box_test'):
        (tmp_path / 'data/market1501/Market' / name).mkdir(parents=True)
    (tmp_path / 'data/dukemtmc/query').mkdir(parents=True)
    (tmp_path / 'weights').mkdir()
    (tmp_path / 'weights/mine.pth').touch()
    found = states(doctor.data(tmp_path))
    assert found['market1501'] == 'ok'
    assert found['dukemtmc'] == 'problem'
    assert found['msmt17'] == found['mesh'] == 'none'
    assert found['weights'] == 'ok'


def test_doctor_ends_with_1_where_a_training_cannot_run(tmp_path, capsys, monkeypatch):
    doctor.run(parse('doctor', ['--root', str(tmp_path)]))
    assert capsys.readouterr().out.splitlines()[-1] == 'no problem'
    with pytest.raises(SystemExit) as end:
        doctor.run(parse('doctor', ['--root', str(tmp_path / 'nowhere')]))
    assert end.value.code == 1
    assert f'PROBLEM no folder {tmp_path}/nowhere\n        fix: ' in capsys.readouterr().out
    usage = doctor.shutil.disk_usage(tmp_path)._replace(free=10**8)
    monkeypatch.setattr(doctor.shutil, 'disk_usage', lambda folder: usage)
    (check,) = doctor.disk(tmp_path)
    assert (check.state, check.fix) == (
        'problem', 'make room: a run of gcl_synth.py writes some 0.5 GB'
    )  # fmt: skip


def test_doctor_names_packages_that_are_missing_or_of_another_version():
    needed = [doctor.Requirement(text) for text in ('torch>=2', 'torch<2', 'no_such_package')]
    good, old, missing = doctor.packages(needed)
    assert (good.state, good.text) == ('ok', f'torch {torch.__version__.partition("+")[0]}')
    assert 'torch<2 is needed, installed is' in old.text
    assert missing.fix == "pip install 'no_such_package'"
