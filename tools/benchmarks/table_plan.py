"""Tables of trainings as read from YAML: runs, rows, and what is wrong with them.

The form of a file, every key of which is told here and no other is taken:

    name: synth_a_to_n             # results are docs/results/NAME.json, .md and raw/NAME.json
    title: heading of the page
    text: [paragraphs below it]
    seeds: [0, 1, 2]               # of training, each under the benchmark's cameras
    camera_seeds: [1, 2]           # further cameras, 1 or more, with the first training seed
    options: {default_hooks.logger.interval: 50}           # of every training, as --cfg-options
    runs:                          # trainings by name
      bnneck:
        config: configs/baselines/synth_a_to_n.py
        options: {model.loss_weights.triplet: 0.5}
      controls:
        config: projects/gcl_camera/configs/gcl_camera_controls_n.py
        start: {run: gcl, checkpoint: stage_identity.pth, first_stage: control}
      translated:
        config: configs/baselines/synth_translated_to_n.py
        options: {data_roots.translated: '{work_dir}/translated'}
        prepare:                   # python scripts that run before the training
        - tools/translate.py CONFIG {cyclegan}/stage_translation.pth --domain target
          --out {work_dir}/translated {cyclegan.options}
    rows:                          # of the table, in order
    - {title: direct transfer, run: bnneck, stage: identity, control: null}
    - {title: AdaBN, run: bnneck, stage: identity, prefix: adabn/, control: direct transfer}

`title`, `seeds`, `runs` and `rows`, a run's `config`, and a row's `title`, `run`, `stage` and
`control` must be there. A row's scores are the last evaluation of that stage, or with `before:
true` that before its first iteration. `control` is the title of an earlier or later row that
differs by what the row is about, or null where there is none. `{work_dir}` in options and commands
is the folder of the run itself, `{NAME}` that of another run with the same seeds, which is trained
first, and `{NAME.options}` in commands are its --cfg-options; `{{weights}}` stands for `{weights}`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from reidgen.choices import listed
from tools.benchmarks.results_table import check_keys
from tools.benchmarks.table_checks import (
    as_list,
    checked_camera_seeds,
    checked_command,
    checked_options,
    checked_seeds,
    checked_text,
    known,
    placeholders,
    texts,
)

TABLE = {
    'name': False, 'title': True, 'text': False, 'seeds': True, 'camera_seeds': False,
    'options': False, 'runs': True, 'rows': True,
}  # fmt: skip
RUN = {'config': True, 'options': False, 'start': False, 'prepare': False}
START = {'run': True, 'checkpoint': True, 'first_stage': False}
ROW = {
    'title': True, 'run': True, 'stage': True, 'control': True, 'prefix': False, 'before': False,
}  # fmt: skip
RENDERED = 'SyntheticReID'  # data sets with a camera seed


class Run(NamedTuple):
    """Training of a config, once for each pair of seeds."""

    name: str
    config: str
    options: dict[str, Any]
    start: dict[str, str]  # run, checkpoint and first_stage; or empty
    prepare: list[str]

    @property
    def needs(self) -> list[str]:
        """Names of the runs that come before."""
        found = [*texts(self.options), *self.prepare]
        named = {field for text in found for field in placeholders(text)} - {'work_dir'}
        return sorted(named | {name for name in [self.start.get('run')] if name})


class Row(NamedTuple):
    """Row of the table."""

    title: str
    run: str
    stage: str
    control: str | None
    prefix: str = ''
    before: bool = False


class Table(NamedTuple):
    """Checked table."""

    name: str
    title: str
    text: list[str]
    seeds: list[int]
    camera_seeds: list[int]
    runs: dict[str, Run]  # each after those that it needs
    rows: list[Row]

    def seed_pairs(self) -> Iterator[tuple[int, int]]:
        """Training seed and camera seed of the runs."""
        yield from ((seed, 0) for seed in self.seeds)
        yield from ((self.seeds[0], camera_seed) for camera_seed in self.camera_seeds)


def read_table(path: Path) -> Table:
    """Table of a YAML file.

    Raises:
        FileNotFoundError: no such file. ValueError: no YAML, or not of the form above; file, place,
            value and fix are told.
    """
    if not path.is_file():
        raise FileNotFoundError(f'no table {path}; tools/benchmarks/tables has examples')
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f'{path} is no YAML: {" ".join(str(error).split())}') from error
    check_keys(content, TABLE, str(path))
    name = content.get('name', path.stem)
    if not isinstance(name, str) or Path(name).name != name:
        raise ValueError(f'{path}: name is {name!r}; it becomes a file name: give one without /')
    common = checked_options(content.get('options', {}), f'{path}: options')
    runs = checked_runs(content['runs'], common, str(path))
    return Table(
        name,
        checked_text(content['title'], f'{path}: title'),
        [checked_text(text, f'{path}: text') for text in as_list(content.get('text', []), path)],
        checked_seeds(content['seeds'], f'{path}: seeds'),
        checked_camera_seeds(content.get('camera_seeds', []), f'{path}: camera_seeds'),
        in_order(runs, str(path)),
        checked_rows(content['rows'], runs, str(path)),
    )


def checked_runs(content: Any, common: dict[str, Any], place: str) -> dict[str, Run]:
    """Runs by name, in the order of the file."""
    if not isinstance(content, dict) or not content:
        raise ValueError(f'{place}: runs is {content!r:.60}; write runs by name')
    runs = {}
    for name, given in content.items():
        here = f'{place}: runs.{name}'
        if not isinstance(name, str) or not name.isidentifier() or name == 'work_dir':
            raise ValueError(f'{here}: a name is letters, digits and _, and not work_dir')
        check_keys(given, RUN, here)
        config = checked_text(given['config'], f'{here}.config')
        if not Path(config).is_file():
            raise ValueError(f'{here}.config is {config}, which is no file; correct it')
        start = given.get('start') or {}
        if start:
            check_keys(start, START, f'{here}.start')
            for key, value in start.items():
                checked_text(value, f'{here}.start.{key}')
        options = {**common, **checked_options(given.get('options', {}), f'{here}.options')}
        prepare = [
            checked_command(command, f'{here}.prepare')
            for command in as_list(given.get('prepare', []), f'{here}.prepare')
        ]
        runs[name] = Run(name, config, options, start, prepare)
    for run in runs.values():
        for needed in run.needs:
            known(needed, runs, f'{place}: runs.{run.name} needs the run')
    return runs


def in_order(runs: dict[str, Run], place: str) -> dict[str, Run]:
    """Runs, each after those that it needs, else in the order of the file."""
    done: dict[str, Run] = {}
    while len(done) < len(runs):
        ready = [run for run in runs.values() if run.name not in done and set(run.needs) <= {*done}]
        if not ready:
            left = [name for name in runs if name not in done]
            raise ValueError(f'{place}: the runs {listed(left)} wait for one another; untie them')
        done[ready[0].name] = ready[0]
    return done


def checked_rows(content: Any, runs: dict[str, Run], place: str) -> list[Row]:
    """Rows in the order of the file."""
    rows = []
    for number, given in enumerate(as_list(content, f'{place}: rows')):
        here = f'{place}: rows[{number}]'
        check_keys(given, ROW, here)
        for key in ('title', 'run', 'stage'):
            checked_text(given[key], f'{here}.{key}')
        known(given['run'], runs, f'{here}.run is')
        if not isinstance(given.get('prefix', ''), str):
            raise ValueError(
                f'{here}.prefix is {given["prefix"]!r:.60}; write a text such as adabn/, or no '
                f'prefix'
            )
        if not isinstance(given.get('before', False), bool):
            raise ValueError(f'{here}.before is {given["before"]!r:.60}; write true or false')
        rows.append(Row(**given))
    titles = [row.title for row in rows]
    for number, row in enumerate(rows):
        here = f'{place}: rows[{number}]'
        if titles.count(row.title) > 1:
            raise ValueError(f'{here}: a second row is called {row.title!r}; name them apart')
        if row.control == row.title:
            raise ValueError(f'{here}: {row.title!r} is its own control; name another row, or null')
        if row.control is not None:
            known(row.control, titles, f'{here}.control is')
    return rows


def camera_options(cfg: Any, camera_seed: int, place: str) -> dict[str, int]:
    """Options that give every rendered data set in a part of a config a camera seed.

    Args:
        place: the part's dotted name.
    """
    found = {}
    if isinstance(cfg, dict):
        if cfg.get('type') == RENDERED:
            found[f'{place}.camera_seed'] = camera_seed
        children = cfg.items()
    else:
        children = enumerate(cfg) if isinstance(cfg, list | tuple) else ()
    for key, value in children:
        found |= camera_options(value, camera_seed, f'{place}.{key}')
    return found
