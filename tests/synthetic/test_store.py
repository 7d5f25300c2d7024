import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from few_people import FEW, few, same_pictures, tree

from reidgen.synthetic import Seeds, Size, ensure, read_manifest, store
from reidgen.synthetic.manifest import check_files

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
GROWING = ('manifest.json', 'joints/', 'garment_pairs.csv')  # lists of all people
SCRIPT = """
import sys
from reidgen.synthetic import Plan, Size, ensure
ensure(Plan('synth_a', 'few', Size(*{counts})), sys.argv[1])
"""


def rerender(root: Path, counts: Size = FEW, **kwargs) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, '-c', SCRIPT.format(counts=tuple(counts)), str(root)],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


def test_two_workers_write_the_tree_of_one(rendered, tmp_path):
    assert same_pictures(tree(ensure(few(), tmp_path, workers=2)), tree(rendered))


def test_more_people_change_no_earlier_file(rendered, tmp_path):
    before = tree(rendered)
    after = tree(ensure(few(num_train=2, num_junk=2), tmp_path))
    assert len(after) > len(before)
    same = {name: data for name, data in before.items() if not name.startswith(GROWING)}
    assert len(same) > 100
    assert {name: after[name] for name in same} == same
    for split, joints in (
        (split, json.loads(before[f'joints/{split}.json']))
        for split in ('train', 'query', 'gallery')
    ):
        assert joints.items() <= json.loads(after[f'joints/{split}.json']).items()


def test_everything_is_there_under_names_of_market(rendered):
    files = tree(rendered)
    images = [name for name in files if name.startswith(('bounding_box', 'query'))]
    for name in images:
        stem = Path(name).stem
        assert {f'mask/{stem}.png', f'parts/{stem}.png', f'mesh/{stem}.jpg'} <= set(files)
    gallery = [Path(name).name for name in images if name.startswith('bounding_box_test')]
    assert sum(name.startswith('-1_c') for name in gallery) == 1
    assert sum(name.startswith('0000_c') for name in gallery) == 1
    assert {'garment/0001.jpg', 'garment/5001.jpg'} == {
        name for name in files if name.startswith('garment/')
    }
    assert sum(path.is_dir() for path in rendered.parent.iterdir()) == 1  # no .part is left
    manifest = read_manifest(rendered)
    assert manifest['version'] == 'synth-1.0'
    assert manifest['num_images'] == len(images)


def test_a_finished_rendering_is_not_written_again(rendered):
    before = {path: path.stat().st_mtime_ns for path in rendered.rglob('*')}
    assert ensure(few(), rendered.parents[1]) == rendered
    assert {path: path.stat().st_mtime_ns for path in rendered.rglob('*')} == before


def test_maps_are_added_later_as_if_made_at_once(rendered, tmp_path):
    folder = ensure(few(), tmp_path, maps=False)
    assert not (folder / 'mesh').exists()
    check_files(folder, read_manifest(folder), 'all')
    assert ensure(few(), tmp_path, maps=True) == folder
    late, at_once = tree(folder), tree(rendered)
    ious = 'mesh_iou'  # without maps it is of fewer pictures
    manifests = [json.loads(files.pop('manifest.json')) for files in (late, at_once)]
    assert late == at_once
    assert {**manifests[0], ious: None} == {**manifests[1], ious: None}


def test_adding_maps_recovers_between_its_last_two_steps(rendered, tmp_path, monkeypatch):
    folder = ensure(few(), tmp_path, maps=False)
    write = store.write_json

    def fail(path, content, compact):
        if path.name == 'manifest.json':
            raise KeyboardInterrupt
        write(path, content, compact)

    monkeypatch.setattr(store, 'write_json', fail)
    with pytest.raises(KeyboardInterrupt):
        ensure(few(), tmp_path)
    assert (folder / 'mesh').is_dir()
    assert read_manifest(folder)['maps'] is False
    monkeypatch.undo()
    ensure(few(), tmp_path)
    check_files(folder, read_manifest(folder), 'all')
    assert len(tree(folder / 'mesh')) == len(tree(rendered / 'mesh'))


@pytest.mark.parametrize('error', [KeyboardInterrupt(), OSError(errno.ENOSPC, 'No space left')])
def test_an_interrupted_rendering_is_continued(error, rendered, tmp_path, monkeypatch):
    write, count = Path.write_bytes, 0

    def fail_in_the_middle(path, data):
        nonlocal count
        count += 1
        if count == 60:
            write(path, data[:100])  # half a file is left behind
            raise error
        return write(path, data)

    monkeypatch.setattr(Path, 'write_bytes', fail_in_the_middle)
    with pytest.raises(type(error)) as raised:
        ensure(few(), tmp_path)
    monkeypatch.undo()
    folder = tmp_path / few().folder
    assert not folder.exists()
    if isinstance(error, OSError):
        assert raised.value.errno == errno.ENOSPC
        assert re.search(r'cannot render .* into .*No space left.*Make room', str(raised.value))
    done = len(list((folder.parent / 'few.part/progress').glob('*.json')))
    assert done >= 1
    calls = []
    monkeypatch.setattr(
        store,
        'render_job',
        lambda *args, original=store.render_job: calls.append(args) or original(*args),
    )
    assert tree(ensure(few(), tmp_path)) == tree(rendered)
    assert len(calls) == len(few().jobs()) - done  # who was done is not rendered again


def test_a_killed_rendering_is_continued(rendered, tmp_path):
    process = rerender(tmp_path)
    folder = tmp_path / few().folder
    deadline = time.monotonic() + 60
    while not list((folder.parent / 'few.part').glob('progress/*.json')):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not folder.exists()
    assert tree(ensure(few(), tmp_path)) == tree(rendered)


def test_a_second_process_waits_for_the_first(rendered, tmp_path):
    processes = [rerender(tmp_path) for _ in range(2)]
    for process in processes:
        _, messages = process.communicate(timeout=300)
        assert process.returncode == 0, messages
    assert same_pictures(tree(tmp_path / few().folder), tree(rendered))


def test_files_that_cannot_grow_leave_nothing_half_read(tmp_path):
    # the limit acts as a full disk does: the system refuses to write on
    limit = 3000
    process = rerender(
        tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 1
    assert 'OSError' in messages
    assert 'cannot render the synthetic people into' in messages
    assert not (tmp_path / few().folder).exists()


def test_a_root_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / 'file'
    file.write_text('')
    with pytest.raises(NotADirectoryError, match=r'cannot render .*/few.*--out'):
        ensure(few(), file / 'data')


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_forbidden_root_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match='give a folder that can be written'):
        ensure(few(), tmp_path / 'data')


def test_what_another_plan_left_is_not_continued(rendered, tmp_path):
    part = tmp_path / 'synth_a/few.part'
    (part / 'progress').mkdir(parents=True)
    (part / 'plan.json').write_text(json.dumps({'version': 'synth-0.9'}))
    (part / 'progress/train-1.json').write_text('{"files": {}, "joints": {}, "ious": []}')
    assert tree(ensure(few(), tmp_path)) == tree(rendered)


def test_a_rendering_of_another_version_is_refused(rendered, tmp_path):
    folder = shutil.copytree(rendered, tmp_path / few().folder)
    manifest = {**read_manifest(folder), 'version': 'synth-0.9'}
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"version 'synth-0\.9' instead of 'synth-1\.0'.*delete"):
        ensure(few(), tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    folder = tmp_path / few().folder
    folder.mkdir(parents=True)
    (folder / 'notes.txt').write_text('mine')
    with pytest.raises(ValueError, match=r'has files but no manifest\.json'):
        ensure(few(), tmp_path)
    assert (folder / 'notes.txt').read_text() == 'mine'


def test_other_seeds_have_a_folder_of_their_own():
    assert few()._replace(seeds=Seeds(camera=2)).folder == 'synth_a/few-camera2-identity0-image0'
