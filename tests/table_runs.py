"""Tables of two runs of a trainer that only waits, and the tool on them."""

import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from tools.benchmarks.table import main

ROOT = Path(__file__).resolve().parents[1]
CONFIG = """
train_cfg = dict(stages=[dict(name='one'), dict(name='two')])
train_dataloader = dict(target=dict(dataset=dict(type='SyntheticReID')))
val_dataloader = dict()
"""
# a trainer of 20 iterations that keeps each of them, and how it was called
TRAINER = """
import argparse, json, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument('config'), parser.add_argument('--work-dir'), parser.add_argument('--seed')
parser.add_argument('--resume', action='store_true'), parser.add_argument('--load-from')
args = parser.parse_known_args()[0]
folder = pathlib.Path(args.work_dir)
with open(folder / 'calls', 'a') as calls:
    calls.write(' '.join(sys.argv[1:]) + '\\n')
begun = len(list(folder.glob('iter_*.pth'))) if args.resume else 0
for iteration in range(begun, 20):
    (folder / f'iter_{iteration}.pth').touch()
    time.sleep(0.03)
    while iteration == 5 and args.load_from and not (folder.parents[1] / 'go').exists():
        time.sleep(0.01)
base = 50 if args.load_from is None and 'begun' not in folder.name else 60
metrics = {'mAP': base + int(args.seed) ** 2, 'rank1': 70.0}
(folder / 'evaluations.json').write_text(json.dumps([dict(stage='two', metrics=metrics)]))
"""


def table_of(folder: Path, **changes) -> Path:
    """YAML file of two runs, of which one starts from the other, and two rows."""
    config = folder / 'config.py'
    config.write_text(CONFIG)
    (folder / 'trainer.py').write_text(TRAINER)
    content = dict(
        title='A table',
        seeds=[0, 1],
        runs=dict(
            begun=dict(config=str(config), start=dict(run='plain', checkpoint='iter_19.pth')),
            plain=dict(config=str(config)),
        ),
        rows=[
            dict(title='begun', run='begun', stage='two', control='plain'),
            dict(title='plain', run='plain', stage='two', control=None),
        ],
    )
    path = folder / 'tiny.yml'
    path.write_text(yaml.safe_dump(content | changes, sort_keys=False))
    return path


def command(folder: Path, *options: str) -> list[str]:
    places = dict(table=folder / 'tiny.yml', trainer=folder / 'trainer.py', out=folder / 'out')
    script = [sys.executable, 'tools/benchmarks/table.py', str(places['table']), *options]
    script += ['--trainer', str(places['trainer']), '--out', str(places['out'])]
    return [*script, '--work-dir', str(folder / 'work')]


def in_process(monkeypatch, capsys) -> Callable[..., tuple[str, str]]:
    """Runs the tool in this process: what it printed, and its error."""
    monkeypatch.chdir(ROOT)

    def run_tool(folder: Path, *options: str) -> tuple[str, str]:
        try:
            main(command(folder, *options)[2:])
        except SystemExit as error:
            return capsys.readouterr().out, str(error.code)
        return capsys.readouterr().out, ''

    return run_tool
