"""Configs and projects in a wheel, used outside the clone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from reidgen.cli import configs as command
from reidgen.cli import parse
from reidgen.command_line import find_config
from reidgen.engine.config import load_config
from reidgen.shipped import has_module, root, shipped_configs, summary_of

ROOT = Path(__file__).resolve().parents[1]


def test_every_config_of_the_clone_is_listed_with_a_summary():
    there = [
        *(ROOT / 'configs').glob('*.py'),
        *(ROOT / 'configs/baselines').glob('*.py'),
        *(ROOT / 'projects').glob('*/configs/*.py'),
    ]
    assert shipped_configs() == sorted(path.relative_to(ROOT).as_posix() for path in there)
    assert all(map(summary_of, shipped_configs()))


def test_a_config_is_found_by_name_from_any_folder_and_a_file_there_comes_first(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert find_config('configs/gcl_smoke.py') == ROOT / 'configs/gcl_smoke.py'
    with pytest.raises(FileNotFoundError, match=r'did you mean configs/gcl_smoke\.py'):
        find_config('gcl_smoke.py')
    Path('configs').mkdir()
    Path('configs/gcl_smoke.py').write_text('a = 1')
    assert find_config('configs/gcl_smoke.py') == Path('configs/gcl_smoke.py')


def test_a_base_that_comes_with_reidgen_and_is_not_there_says_how_to_copy_it(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = ['configs/gcl_smoke.py']")
    copy = rf"'configs/gcl_smoke\.py' .* reidgen configs --copy gcl_smoke {tmp_path}"
    with pytest.raises(FileNotFoundError, match=copy):
        load_config(path)
    command.run(parse('configs', ['--copy', 'gcl_smoke', str(tmp_path)]))
    assert load_config(path).model.type == 'CrossDomainGCL'
    path.write_text("_base_ = ['configs/other.py']")
    with pytest.raises(FileNotFoundError, match=r'correct _base_$'):
        load_config(path)


def test_a_copy_has_its_bases_and_is_the_same_config(tmp_path, capsys):
    command.run(parse('configs', ['--copy', 'cyclegan_synth', str(tmp_path)]))
    written = list(map(Path, capsys.readouterr().out.split()))
    assert written[0] == tmp_path / 'projects/cyclegan/configs/cyclegan_synth.py'
    assert sorted(written) == sorted(tmp_path.rglob('*.py'))
    original = load_config('projects/cyclegan/configs/cyclegan_synth.py')
    assert load_config(written[0]).to_dict() == original.to_dict()


def test_a_copy_overwrites_no_other_file_and_an_unknown_name_is_told(tmp_path):
    args = parse('configs', ['--copy', 'gcl_smoke', str(tmp_path)])
    command.run(args)
    command.run(args)  # the same again
    (tmp_path / 'configs/gcl_smoke.py').write_text('mine')
    with pytest.raises(FileExistsError, match=r'gcl_smoke\.py is there and is another file'):
        command.run(args)
    assert (tmp_path / 'configs/gcl_smoke.py').read_text() == 'mine'
    with pytest.raises(FileNotFoundError, match=r"no config 'gcl_smok' \(did you mean 'gcl_smoke'"):
        command.run(parse('configs', ['--copy', 'gcl_smok']))


def test_modules_of_projects_are_known_and_no_others():
    assert root() == ROOT
    assert has_module('projects.arn.arn')
    assert has_module('projects.arn.arn.losses')
    for name in ('os', 'projects', 'projects.nothing', 'projects.arn..arn', 'projects./etc/passwd'):
        assert not has_module(name)


@pytest.fixture(scope='module')
def installed(tmp_path_factory) -> Path:
    """Folder with what a wheel installs, as setup.py builds it."""
    pytest.importorskip('setuptools')
    site = tmp_path_factory.mktemp('site')
    subprocess.run(
        [sys.executable, 'setup.py', '-q', 'build_py', '--build-lib', site],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return site


def run_installed(site: Path, cwd: Path, *args: str) -> subprocess.CompletedProcess:
    """`reidgen ARGS` of the installed package, in an interpreter without the clone."""
    code = f'import sys; sys.path.insert(0, {str(site)!r}); sys.argv = {["reidgen", *args]!r}; '
    code += 'import reidgen.cli; reidgen.cli.main()'
    return subprocess.run(
        [sys.executable, '-I', '-c', code], cwd=cwd, capture_output=True, text=True
    )


def test_a_reader_that_ends_early_is_no_error():
    code = "import sys; sys.argv = ['reidgen', 'configs']; import reidgen.cli; reidgen.cli.main()"
    command = [sys.executable, '-c', code]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()  # before the first line
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, '')


@pytest.mark.slow
def test_the_wheel_has_configs_projects_and_the_trained_model(installed, tmp_path):
    package = installed / 'reidgen'
    listed = run_installed(installed, tmp_path, 'configs').stdout.splitlines()
    assert [line.split()[0] for line in listed] == shipped_configs()
    assert (package / 'inference/models/synth.safetensors').is_file()
    files = [path for path in package.rglob('*') if path.is_file()]
    assert not [path for path in files if 'tests' in path.relative_to(package).parts]
    assert sum(path.stat().st_size for path in files) < 20e6


@pytest.mark.slow
def test_a_project_trains_by_name_from_the_wheel(installed, tmp_path):
    config = 'projects/cyclegan/configs/cyclegan_smoke.py'
    options = ['default_hooks.grid=None', 'default_hooks.diagnostics=None']
    done = run_installed(installed, tmp_path, 'train', config, '--cfg-options', *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / 'work_dirs/cyclegan_smoke/stage_translation.pth').is_file()


def test_no_message_of_the_package_names_a_script_that_a_wheel_lacks():
    for path in sorted((ROOT / 'reidgen').rglob('*.py')):
        tree = ast.parse(path.read_text(encoding='utf-8'))
        docstrings = {
            id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
        }  # and other texts that nobody is shown
        named = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if 'tools/' in node.value and id(node) not in docstrings
        ]
        assert named == [], path
