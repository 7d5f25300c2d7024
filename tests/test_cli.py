"""The console script and its subcommands, up to the point where torch is imported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from reidgen.cli import COMMANDS, main, parse

ROOT = Path(__file__).resolve().parents[1]
TOOLS = {
    **{name: name for name in ('train', 'test', 'extract', 'search', 'translate', 'generate')},
    'convert-weights': 'convert_weights',
    'evaluate-images': 'evaluate_images',
    'render': 'render_synthetic',
    'browse': 'browse_dataset',
}
SLOW = ('torch', 'mmengine', 'numpy', 'cv2')


def python(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """A fresh interpreter; what it has loaded of the slow packages is the last line of stdout."""
    code = (
        f'import atexit, runpy, sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = {list(args)!r}; '
        f'atexit.register(lambda: print("loaded", *[m for m in {SLOW!r} if m in sys.modules])); '
    )
    if args[0].endswith('.py'):
        code += f'runpy.run_path({args[0]!r}, run_name="__main__")'
    else:
        code += 'runpy.run_module("reidgen.cli", run_name="__main__")'
    command = [
        sys.executable,
        '-I',
        '-c',
        code,
    ]  # -I: no path but the program's
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_every_tool_is_a_subcommand_in_a_few_lines():
    assert TOOLS.keys() <= COMMANDS.keys()
    assert sorted(path.stem for path in (ROOT / 'tools').glob('*.py')) == sorted(
        [*TOOLS.values(), 'bake_body', 'bake_head']
    )
    for command, tool in TOOLS.items():
        text = (ROOT / f'tools/{tool}.py').read_text()
        assert f"run_tool('{command}')" in text
        assert len(text.splitlines()) < 25


@pytest.mark.slow
@pytest.mark.parametrize('command', COMMANDS)
@pytest.mark.parametrize('given', ['help', 'misspelt'])
def test_help_and_a_misspelt_option_are_answered_before_torch_is_imported(command, given):
    option = '--help' if given == 'help' else '--hepl'
    tool = [(f'tools/{TOOLS[command]}.py', option)] if command in TOOLS else []
    for program in (*tool, ('reidgen', command, option)):
        done = python(*program)
        assert done.stdout.splitlines()[-1] == 'loaded'
        if given == 'help':
            assert done.returncode == 0
            assert done.stdout.startswith('usage: ')
        else:
            assert done.returncode == 2
            assert 'error: ' in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    'args',
    [
        ['train', 'configs/gcl_smok.py'],
        ['test', 'configs/gcl_smok.py', 'x.pth'],
        ['extract', 'configs/gcl_smok.py', 'x.pth', '--images', '.', '--out', 'nowhere'],
        ['export', 'configs/gcl_smok.py', 'x.pth', '--out', 'nowhere/x.safetensors'],
        ['search', 'store', '--query', 'a.png', '--out', 'nowhere', '--config', 'gcl_smok.py'],
        ['translate', 'configs/gcl_smok.py', 'x.pth', '--out', 'nowhere'],
        ['generate', 'configs/gcl_smok.py', 'x.pth', '--out', 'nowhere', '--count', '3'],
        ['evaluate-images', '.', '.', '--config', 'configs/gcl_smok.py', '--out', 'nowhere/x'],
        ['browse', 'configs/gcl_smok.py'],
    ],
    ids=lambda args: args[0],
)
def test_a_misspelt_config_is_refused_with_the_nearest_before_torch_is_imported(args):
    done = python('reidgen', *args)
    assert done.returncode == 1
    assert done.stdout == 'loaded\n'
    first, second = done.stderr.splitlines()
    assert re.match(
        r'FileNotFoundError: no config .*gcl_smok\.py; did you mean configs/gcl_smoke', first
    )
    assert second.startswith('(traceback: ')
    assert not (ROOT / 'nowhere').exists()


def test_a_name_that_is_no_subcommand_lists_those_there_are(capsys):
    with pytest.raises(SystemExit) as end:
        main(['trian', 'configs/gcl_smoke.py'])
    assert end.value.code == 2
    assert "invalid choice: 'trian'" in capsys.readouterr().err


def test_the_work_dir_is_named_after_the_config():
    assert parse('train', ['a/b.py']).work_dir == 'work_dirs/b'
    assert parse('test', ['a/b.py']).work_dir == 'work_dirs/b/test'
    assert parse('test', ['a/b.py', '--work-dir', 'c']).work_dir == 'c'


@pytest.mark.slow
def test_the_console_script_finds_what_a_config_of_the_working_directory_imports(tmp_path):
    (tmp_path / 'my_part.py').write_text("raise ValueError('my part was imported')")
    (tmp_path / 'mine.py').write_text("custom_imports = dict(imports=['my_part'])")
    done = python('reidgen', 'train', 'mine.py', '--work-dir', 'out', cwd=tmp_path)
    assert 'fails with ValueError: my part was imported' in done.stderr.splitlines()[0]


@pytest.mark.slow
def test_a_file_of_the_working_directory_hides_no_package(tmp_path):
    (tmp_path / 'cv2.py').write_text("raise ValueError('the wrong cv2')")
    args = ['ShapesReID', 'num_identities=2', 'size=(64, 32)', '--images', '2', '--out', 'sheets']
    done = python('reidgen', 'browse', *args, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'sheets/shapes_a_train.png').is_file()


def test_the_installed_script_is_main():
    text = (ROOT / 'setup.py').read_text()
    entry = re.search(r"'reidgen = ([\w.]+):(\w+)'", text)
    module, function = entry.groups()
    assert getattr(__import__(module, fromlist=[function]), function) is main
