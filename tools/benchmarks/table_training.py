"""One training of a table: its commands, its process, and what is noted of it."""

import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from reidgen.engine.config import load_config
from reidgen.files import locked, write_json
from tools.benchmarks.table_checks import OPTIONS
from tools.benchmarks.table_page import key_of
from tools.benchmarks.table_plan import Run, Table, camera_options

ROOT = Path(__file__).resolve().parents[2]
NOTE = 'table.json'  # in the folder of a training: command, commit and seconds so far
NOTE_EVERY = 10  # seconds
NOT_RECORDED = 'not recorded'
RESUMED = ', resumed at '  # between the commits of one training


class Job(NamedTuple):
    """Training of a run with its seeds."""

    run: Run
    seed: int
    camera_seed: int

    @property
    def key(self) -> str:
        return key_of(self.run.name, self.seed, self.camera_seed)

    @property
    def needs(self) -> list[str]:
        """Keys of the trainings that come before."""
        return [key_of(name, self.seed, self.camera_seed) for name in self.run.needs]


class Place(NamedTuple):
    """Where a table is worked on and written."""

    yml: Path
    work: Path  # a folder for each training, and their logs
    out: Path  # of NAME.json, NAME.md and raw/NAME.json
    trainer: str

    def command(self) -> str:
        return f'python tools/benchmarks/table.py {self.yml}'


def options_of(run: Run, seed: int, camera_seed: int, place: Place) -> list[str]:
    """Arguments `--cfg-options name=value ...` of a training; none without options."""
    folders = {
        name: str(place.work / key_of(name, seed, camera_seed)) for name in [run.name, *run.needs]
    }
    folders['work_dir'] = folders[run.name]
    options: dict[str, Any] = dict(run.options)
    if camera_seed:
        cfg = config_of(run.config)
        for part in ('train_dataloader', 'val_dataloader'):
            options |= camera_options(cfg.get(part, {}), camera_seed, part)
    texts = [
        f'{name}={value.format(**folders) if isinstance(value, str) else _written(value, folders)}'
        for name, value in options.items()
    ]
    return ['--cfg-options', *texts] if texts else []


def _written(value: Any, folders: dict[str, str]) -> str:
    """A value as --cfg-options reads it, with texts in quotes."""
    if isinstance(value, str):
        text = value.format(**folders)
        quote = '"' if "'" in text else "'"
        return f'{quote}{text}{quote}'
    if isinstance(value, list):
        return f'[{",".join(_written(each, folders) for each in value)}]'
    if isinstance(value, dict):
        pairs = (f"'{key}':{_written(each, folders)}" for key, each in value.items())
        return f'{{{",".join(pairs)}}}'
    return str(value)


def commands(job: Job, place: Place, table: Table) -> list[list[str]]:
    """Commands of a training, in order: what prepares it, and the training itself, from its start.

    The folder of another training is that with the same seeds.
    """
    seeds = job.seed, job.camera_seed
    names = {name: name for name in [job.run.name, *job.run.needs]} | {'work_dir': job.run.name}
    folders = {each: str(place.work / key_of(name, *seeds)) for each, name in names.items()}
    lines = []
    for text in job.run.prepare:
        lines.append([])
        for word in shlex.split(text):  # before folders are filled in, whose names may have spaces
            if match := OPTIONS.fullmatch(word):
                lines[-1] += options_of(table.runs[names[match[1]]], *seeds, place)
            else:
                lines[-1].append(word.format(**folders))
    own = folders['work_dir']
    training = [place.trainer, job.run.config, '--work-dir', own, '--seed', str(job.seed)]
    if start := job.run.start:
        training += ['--load-from', f'{folders[start["run"]]}/{start["checkpoint"]}']
        if 'first_stage' in start:
            training += ['--first-stage', start['first_stage']]
    return [*lines, [*training, *options_of(job.run, *seeds, place)]]


def resumed(training: list[str], folder: Path) -> list[str]:
    """The command that goes on with what a folder holds, or begins."""
    if not any(folder.glob('iter_*.pth')) and not any(folder.glob('stage_*.pth')):
        return training
    left = list(training)
    if '--load-from' in left:  # the weights are those of the checkpoint
        at = left.index('--load-from')
        del left[at : at + 2]
    at = left.index('--seed')
    return [*left[:at], '--resume', *left[at:]]


def shown(lines: list[list[str]], place: Place) -> str:
    """Commands as a user types them, without where this checkout lies."""
    text = ' && '.join(f'python {shlex.join(line)}' for line in lines)
    return text.replace(f'{Path.cwd()}/', '')


@lru_cache
def config_of(path: str) -> Config:
    """Config of a file, read once."""
    return load_config(path)


class Training:
    """Processes of one training, one after the other.

    Args:
        job: what to train; its folder is made.
    """

    def __init__(self, job: Job, place: Place, table: Table):
        self.job, self.folder = job, place.work / job.key
        self.folder.mkdir(parents=True, exist_ok=True)
        *prepare, training = commands(job, place, table)
        self.left = [*prepare, resumed(training, self.folder)]
        resumes = self.left[-1] != training
        if resumes:
            self.left = self.left[-1:]  # what prepares it was done before it began
        self.log = place.work / f'{job.key}.log'
        command = shown([*prepare, training], place)
        self.note = begun(command, note_of(self.folder) if resumes else None)
        self.before, self.started = self.note['seconds'], time.time()
        self.noted = 0.0
        self.process = self.next()

    def next(self) -> subprocess.Popen:
        """Starts the next process; it ends when this one does."""
        with open(self.log, 'a') as log:
            log.write(f'$ python {shlex.join(self.left[0])}\n')
            log.flush()
            return subprocess.Popen(
                [sys.executable, *self.left.pop(0)],
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent if sys.platform == 'linux' else None,
            )

    def poll(self) -> int | None:
        """Exit status of the training: None while it lasts, 0 when all of it has ended well."""
        status = self.process.poll()
        now = time.time()
        if status is not None or now - self.noted > NOTE_EVERY:
            self.note['seconds'] = round(self.before + now - self.started, 1)
            write_json(self.folder / NOTE, self.note)
            self.noted = now
        if status == 0 and self.left:
            self.process, status = self.next(), None
        return status

    def stop(self) -> None:
        """Ends the process, which may save what it has."""
        self.process.terminate()
        self.process.wait()


def die_with_parent() -> None:
    """Lets the system end this process when its parent ends, even by SIGKILL."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def in_use(folder: Path) -> str:
    """Which process writes into a folder, as an error tells it; empty where none does."""
    if not folder.is_dir():
        return ''
    try:
        with locked(folder):
            return ''
    except FileExistsError as error:
        return str(error)


def note_of(folder: Path) -> dict[str, Any]:
    """Command, commit and seconds of a training that was begun; empty if it was not."""
    try:
        return json.loads((folder / NOTE).read_text())
    except (OSError, ValueError):
        return {}


def begun(command: str, before: dict[str, Any] | None) -> dict[str, Any]:
    """Note of a training that begins now.

    Args:
        before: note of what it resumes, whose commits and seconds are kept; None: it starts anew.
    """
    if before is None:
        return dict(command=command, commit=commit(), seconds=0.0)
    commits = before.get('commit', NOT_RECORDED).split(RESUMED)
    if commits[-1] != (now := commit()):
        commits.append(now)
    return dict(command=command, commit=RESUMED.join(commits), seconds=before.get('seconds', 0.0))


def commit() -> str:
    """Commit of this checkout; `not recorded` without git."""
    try:
        told = subprocess.run(
            ['git', 'describe', '--always', '--dirty', '--exclude=*'],
            cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
    except OSError:  # git is not installed
        return NOT_RECORDED
    return told.stdout.strip() or NOT_RECORDED


def hardware() -> str:
    """Processor, GPU and torch of this machine."""
    import torch

    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'
    cpu = names[0] if names else platform.machine()
    return f'{os.cpu_count()} cores of {cpu}, {gpu}, torch {torch.__version__.partition("+")[0]}'
