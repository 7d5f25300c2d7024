"""Processes that begin as a copy of the test process, and so need not import anything again."""

import functools
import gc
import importlib
import importlib.util
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

# imported when they are first needed, which takes a fork longer than many a training here
LATE = (
    'reidgen.engine',
    'reidgen.retrieval',
    'matplotlib.backends.backend_agg',
    'matplotlib.figure',
    'sklearn.cluster',
    'timm',
    'torch.utils.tensorboard',
)


@functools.cache
def _import_late_modules() -> None:
    """Imports into this process what its forks would each import for themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for name in LATE:
            if importlib.util.find_spec(name.partition('.')[0]):
                importlib.import_module(name)


def start(work: Callable[[], object], log: Path, errors: Path | None = None) -> int:
    """Process number of a fork of this process that does some work.

    Args:
        work: what it does; sys.exit gives its status, another exception 1.
        log: what it prints, written from the beginning.
        errors: what it prints to stderr; None: to the log.
    """
    _import_late_modules()
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    gc.freeze()  # what is garbage of the test process is no business of its fork
    status = 1
    try:
        for number, path in ((1, log), (2, errors or log)):
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            if number == 1 or errors:
                os.ftruncate(opened, 0)
            os.dup2(opened, number)
        sys.stdout, sys.stderr = (os.fdopen(number, 'w', buffering=1) for number in (1, 2))
        status = _status(work)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _status(work: Callable[[], object]) -> int:
    try:
        work()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def end_of(process: int) -> int:
    """Exit status of a process that was started; negative: the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def in_child(work: Callable[[], object], log: Path) -> int:
    """Exit status of a fork of this process that does some work."""
    return end_of(start(work, log))


def program(
    args: list, cwd: Path | None = None, env: dict[str, str] | None = None
) -> Callable[[], None]:
    """Work of a Python program, to be done in a fork.

    Args:
        args: a script's path or '-m' and a module, and its arguments.
        env: the whole environment; OMP_NUM_THREADS and what else is read at imports is this
            process's.
    """
    args = list(map(str, args))

    def work() -> None:
        if env is not None:
            os.environ.clear()
            os.environ.update(env)
        if cwd:
            os.chdir(cwd)
        warnings.resetwarnings()
        if 'PYTHONWARNINGS' in os.environ:
            warnings.simplefilter(os.environ['PYTHONWARNINGS'])
        sys.path[:0] = filter(None, os.environ.get('PYTHONPATH', '').split(os.pathsep))
        importlib.invalidate_caches()
        if args[0] == '-m':
            sys.argv = args[1:]
            sys.path.insert(0, os.getcwd())
            runpy.run_module(args[1], run_name='__main__', alter_sys=True)
        else:
            sys.argv = args
            sys.path.insert(0, str(Path(args[0]).resolve().parent))
            runpy.run_path(args[0], run_name='__main__')

    return work


def run_program(
    args: list, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess:
    """A program as `subprocess.run([sys.executable, *args])` gives it, captured as text."""
    with tempfile.TemporaryDirectory() as folder:
        out, errors = Path(folder, 'out'), Path(folder, 'errors')
        status = end_of(start(program(args, cwd, env), out, errors))
        return subprocess.CompletedProcess(args, status, out.read_text(), errors.read_text())
