"""Whole tables of trainings, from one YAML file to a page of results.

    python tools/benchmarks/table.py tools/benchmarks/tables/synth_a_to_b.yml [--jobs 2] [--dry-run]

Trains each run with each pair of seeds, those that others need first, and writes after each of them
docs/results/raw/NAME.json (what was measured, with command, commit, hardware and time), NAME.json
and NAME.md. It may be stopped or killed at any moment: the same command again leaves finished
trainings alone and resumes those that were begun. --dry-run lists what is left, as it would be
run. The form of the file is told in table_plan.py.
"""

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from reidgen.files import locked, read_json, write_json, write_text  # noqa: E402
from tools.benchmarks.results_table import render  # noqa: E402
from tools.benchmarks.table_checks import known  # noqa: E402
from tools.benchmarks.table_page import page, scores  # noqa: E402
from tools.benchmarks.table_plan import Table, read_table  # noqa: E402
from tools.benchmarks.table_training import (  # noqa: E402
    Job,
    Place,
    Training,
    commands,
    config_of,
    hardware,
    in_use,
    note_of,
    resumed,
    shown,
)

POLL = 0.2  # seconds


class Records:
    """Finished trainings in raw/NAME.json, and the page made of them."""

    def __init__(self, table: Table, place: Place):
        self.table, self.place = table, place
        self.path = place.out / 'raw' / f'{table.name}.json'
        self.runs: dict[str, dict[str, Any]] = {}
        if self.path.is_file():
            try:
                self.runs = read_json(self.path.read_bytes())['runs']
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f'{self.path} is damaged ({error!r}); put it back or delete it '
                                 f'to train everything again') from error  # fmt: skip

    def check(self, jobs: list[Job]) -> None:
        """Raises ValueError where a training was measured, or begun, by another command."""
        for job in jobs:
            found = self.runs.get(job.key) or note_of(self.place.work / job.key)
            now = shown(commands(job, self.place, self.table), self.place)
            if found and found['command'] != now:
                raise ValueError(
                    f'{job.key} was trained by\n  {found["command"]}\nbut {self.place.yml} now '
                    f'says\n  {now}\ngive the run another name, or delete '
                    f'{self.place.work / job.key} and its record in {self.path}'
                )

    def add(self, job: Job) -> None:
        """Adds the evaluations of a training that has ended, and writes the page anew.

        Raises:
            ValueError: there are none, or a row finds no score in them. A run that no row reads,
                such as one of generators, needs none.
        """
        folder = self.place.work / job.key
        path = folder / 'evaluations.json'
        read = any(row.run == job.run.name for row in self.table.rows)
        if read and not path.is_file():
            raise ValueError(f'{job.key} has ended without {path}: does its config evaluate?')
        record = dict(
            config=job.run.config,
            seed=job.seed,
            camera_seed=job.camera_seed,
            **note_of(folder),
            hardware=hardware(),
            evaluations=read_json(path.read_bytes()) if path.is_file() else [],
        )
        for row in self.table.rows:
            if row.run == job.run.name:
                scores(row, {job.key: record}, (job.seed, job.camera_seed))
        self.runs[job.key] = record
        self.write()

    def write(self) -> None:
        """Writes the record, the page's JSON and the page."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, dict(made_by=self.place.command(), runs=self.runs))
        path = self.place.out / f'{self.table.name}.json'
        write_json(path, page(self.table, self.place.command(), self.runs))
        write_text(path.with_suffix('.md'), render(path))


def train_all(jobs: list[Job], records: Records, place: Place, num_jobs: int) -> list[str]:
    """Trains what is left, several at a time; messages of those that failed."""
    left = [job for job in jobs if job.key not in records.runs]
    running: list[Training] = []
    failed: list[str] = []
    told: set[str] = set()
    try:
        while True:
            for training in [each for each in running if each.poll() is not None]:
                running.remove(training)
                failed += ended(training, records)
            for job in startable(left, records, place, told)[: num_jobs - len(running)]:
                left.remove(job)
                print(f'{job.key} begins; log: {place.work / job.key}.log', flush=True)
                running.append(Training(job, place, records.table))
            waiting = [job for job in left if not set(job.needs) - {*records.runs}]
            if not running and not waiting:
                return failed + [
                    f'{job.key} waits for {", ".join(set(job.needs) - {*records.runs})}'
                    for job in left
                ]
            time.sleep(POLL)
    finally:
        for training in running:
            training.stop()


def startable(left: list[Job], records: Records, place: Place, told: set[str]) -> list[Job]:
    """Trainings whose needs are met and whose folder no other process has.

    Args:
        told: keys of those whose wait for a folder was printed; more are added.
    """
    found = []
    for job in left:
        if set(job.needs) - {*records.runs}:
            continue
        user = in_use(place.work / job.key)
        if not user:
            found.append(job)
        elif job.key not in told:
            told.add(job.key)
            print(f'{job.key} waits: {user}', flush=True)
    return found


def ended(training: Training, records: Records) -> list[str]:
    """Records a training that has ended; a message if it failed."""
    key, status = training.job.key, training.process.returncode
    if status:
        return [f'{key} ended with status {status}; its log is {training.log}']
    try:
        records.add(training.job)
    except ValueError as error:
        return [str(error)]
    print(f'{key} ends after {training.note["seconds"] / 60:.1f} minutes', flush=True)
    return []


def check_stages(table: Table, path: Path) -> None:
    """Raises ValueError for a row of a stage that its run does not have."""
    for number, row in enumerate(table.rows):
        run = table.runs[row.run]
        names = [stage.name for stage in config_of(run.config).train_cfg.stages]
        first = run.start.get('first_stage')
        if first is not None:
            known(first, names, f'{path}: runs.{run.name}.start.first_stage is')
            names = names[names.index(first) :]
        known(row.stage, names, f'{path}: rows[{number}].stage is')


def planned(table: Table) -> list[Job]:
    """Trainings of a table: with the benchmark's cameras first, seed by seed."""
    return [Job(run, *pair) for pair in table.seed_pairs() for run in table.runs.values()]


def left_over(jobs: list[Job], records: Records, place: Place) -> Iterator[str]:
    """Lines that tell what is left, with the commands."""
    left = [job for job in jobs if job.key not in records.runs]
    yield f'{len(jobs) - len(left)} of {len(jobs)} trainings are finished'
    for job in left:
        *prepare, training = commands(job, place, records.table)
        now = resumed(training, place.work / job.key)
        yield f'# {job.key}' + (f', after {", ".join(job.needs)}' if job.needs else '')
        yield shown([now] if now != training else [*prepare, training], place)


@contextlib.contextmanager
def ended_by_signal() -> Iterator[None]:
    """Context in which SIGTERM ends as Ctrl-C does, with the trainings stopped."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('table', type=Path, help='a YAML file, see tools/benchmarks/tables')
    parser.add_argument('--jobs', type=int, default=1, help='trainings at a time')
    parser.add_argument('--dry-run', action='store_true', help='list what is left, train nothing')
    parser.add_argument(
        '--work-dir', type=Path, help='of the trainings (default: work_dirs/tables/NAME)'
    )
    parser.add_argument('--out', type=Path, default=ROOT / 'docs/results', help='of the results')
    parser.add_argument('--trainer', default='tools/train.py', help='the script that trains')
    return parser.parse_args(args)


def main(arguments: list[str] | None = None) -> None:
    args = parse_args(arguments)
    try:
        if args.jobs < 1:
            raise ValueError(f'--jobs is {args.jobs}; give 1 or more')
        table = read_table(args.table)
        check_stages(table, args.table)
        work = (args.work_dir or Path('work_dirs/tables', table.name)).absolute()
        place = Place(args.table, work, args.out, args.trainer)
        records, jobs = Records(table, place), planned(table)
        records.check(jobs)
        if args.dry_run:
            print('\n'.join(left_over(jobs, records, place)))
            return
        work.mkdir(parents=True, exist_ok=True)
        with locked(work), ended_by_signal():
            failed = train_all(jobs, Records(table, place), place, args.jobs)
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        sys.exit('stopped; the same command goes on')
    if failed:
        sys.exit('\n'.join(['error: not all of the table was measured:', *failed]))


if __name__ == '__main__':
    main()
