"""tools/benchmarks/table.py: what it runs, what survives a kill, and the page."""

import argparse
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from table_runs import ROOT, TRAINER, command, in_process, table_of

from reidgen.command_line import add_config_options
from tools.benchmarks import table as table_tool
from tools.benchmarks import table_training
from tools.benchmarks.results_table import render
from tools.benchmarks.table import Records
from tools.benchmarks.table_page import page
from tools.benchmarks.table_plan import read_table
from tools.benchmarks.table_training import (
    Job,
    Place,
    Training,
    begun,
    commands,
    commit,
    resumed,
)


@pytest.fixture
def run(monkeypatch, capsys):
    return in_process(monkeypatch, capsys)


@pytest.mark.slow
def test_a_killed_table_keeps_what_is_finished_and_resumes_what_was_begun(tmp_path, run):
    table_of(tmp_path)
    told = run(tmp_path, '--dry-run')[0].splitlines()
    assert told[0] == '0 of 4 trainings are finished'
    assert told[1] == '# plain-seed0-cameras0'  # which the other starts from
    assert told[4].endswith(f'--load-from {tmp_path}/work/plain-seed0-cameras0/iter_19.pth')

    process = subprocess.Popen(command(tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL)
    second = tmp_path / 'work/begun-seed0-cameras0'
    until(lambda: (second / 'iter_5.pth').exists())
    assert f'is in use by process {process.pid}' in run(tmp_path)[1]  # two on one table
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (tmp_path / 'go').touch()
    time.sleep(2)  # of which 14 iterations would take one half
    assert not (second / 'iter_6.pth').exists()  # the training has ended with the table
    assert run(tmp_path, '--dry-run')[0].startswith('1 of 4')

    assert run(tmp_path, '--jobs', '2')[1] == ''
    calls = (tmp_path / 'work/plain-seed0-cameras0/calls').read_text().splitlines()
    assert len(calls) == 1
    calls = (second / 'calls').read_text().splitlines()
    assert [('--load-from' in call, '--resume' in call) for call in calls] == [
        (True, False),
        (False, True),
    ]
    raw = json.loads((tmp_path / 'out/raw/tiny.json').read_text())['runs']
    assert len(raw) == 4
    one = raw['begun-seed0-cameras0']
    assert {'command', 'commit', 'hardware', 'seed', 'evaluations'} <= one.keys()
    assert one['seconds'] > 0
    # 60 + 0 and 60 + 1 against 50 and 51
    text = (tmp_path / 'out/tiny.md').read_text()
    assert '| begun | 60 / 70.0 | 61 / 70.0 | 60.5 +- 0.7 | plain | +10.0 +- 0.0 |' in text
    assert run(tmp_path, '--dry-run')[0] == '4 of 4 trainings are finished\n'
    table_of(tmp_path, options={'a.b': 1})
    assert 'plain-seed0-cameras0 was trained by' in run(tmp_path)[1]


def until(condition) -> None:
    """Waits for two minutes at most."""
    end = time.time() + 120
    while not condition():
        assert time.time() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_a_failed_training_stops_those_that_need_it_and_no_others(tmp_path, run):
    table_of(tmp_path)
    (tmp_path / 'go').touch()
    (tmp_path / 'trainer.py').write_text(
        "import sys\nif 'plain-seed0-cameras0' in sys.argv[3]: sys.exit('no room')\n" + TRAINER
    )
    told = run(tmp_path, '--jobs', '3')[1]
    assert 'plain-seed0-cameras0 ended with status 1; its log is' in told
    assert 'begun-seed0-cameras0 waits for plain-seed0-cameras0' in told
    assert 'no room' in (tmp_path / 'work/plain-seed0-cameras0.log').read_text()
    assert '| begun |  | 61 / 70.0 |  | plain | +10.0 |' in (tmp_path / 'out/tiny.md').read_text()


@pytest.mark.slow
def test_a_training_without_an_evaluation_is_refused_only_where_a_row_reads_it(tmp_path, run):
    path = table_of(tmp_path, seeds=[0])
    (tmp_path / 'go').touch()
    silent = TRAINER.replace("(folder / 'evaluations.json')", "(folder / 'evaluations.json' "
                             "if args.load_from else folder / 'other.json')")  # fmt: skip
    (tmp_path / 'trainer.py').write_text(silent)
    told = run(tmp_path)[1]
    assert 'plain-seed0-cameras0 has ended without' in told
    assert 'begun-seed0-cameras0 waits for plain-seed0-cameras0' in told
    content = yaml.safe_load(path.read_text())
    content['rows'] = [dict(content['rows'][0], control=None)]  # plain alone is that of generators
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    assert run(tmp_path)[1] == ''
    runs = json.loads((tmp_path / 'out/raw/tiny.json').read_text())['runs']
    assert runs['plain-seed0-cameras0']['evaluations'] == []
    assert len(runs['begun-seed0-cameras0']['evaluations']) == 1


def test_a_row_is_compared_with_its_control_seed_by_seed(tmp_path):
    table = read_table(table_of(tmp_path, seeds=[0, 1, 2], camera_seeds=[4]))
    records = {
        f'{run}-seed{seed}-cameras{camera}': dict(
            commit='abc', hardware='a machine', seconds=60.0 * (seed + 1),
            evaluations=[
                dict(stage='two', before=True, metrics=dict(mAP=1.0, rank1=1.0)),
                dict(stage='two', metrics=dict(mAP=score, rank1=80.0)),
            ],
        )
        for run, scores in (('plain', (40.0, 50.0, 60.0, 30.0)), ('begun', (41.0, 53.0, 62.0, 45)))
        for (seed, camera), score in zip(((0, 0), (1, 0), (2, 0), (0, 4)), scores)
    }  # fmt: skip
    (tmp_path / 'tiny.json').write_text(json.dumps(page(table, 'a command', records)))
    text = render(tmp_path / 'tiny.json')
    # differences 1, 3, 2: mean 2, sample deviation 1; means 52 and 50, deviations of 10 and 10.5
    assert (
        '| begun | 41.0 / 80.0 | 53.0 / 80.0 | 62.0 / 80.0 | 52.0 +- 10.5 | plain | +2.0 +- 1.0 '
        '| 45 / 80.0 |' in text
    )
    assert '50.0 +- 10.0 |  |  | 30.0 / 80.0 |' in text
    config = tmp_path / 'config.py'
    assert f'| plain | {config} | 4 | 1.8 |' in text  # 1, 2, 3 and 1 minutes
    assert 'training 0, 1, 2 under the benchmark' in text
    del records['plain-seed0-cameras0']['evaluations'][1]
    with pytest.raises(ValueError, match=r"'plain': plain-seed0-cameras0 has no mAP, rank1 of the"):
        page(table, 'a command', records)


def test_commands_name_folders_seeds_options_and_cameras(tmp_path):
    runs = dict(
        first=dict(config=str(tmp_path / 'config.py'), options={'a.b': [1, 2]}),
        then=dict(
            config=str(tmp_path / 'config.py'),
            options={'root': '{work_dir}/copy'},
            prepare=['tools/translate.py {first}/stage.pth --out {work_dir}/copy {first.options}'],
        ),
    )
    rows = [dict(title='one', run='then', stage='two', control=None)]
    table = read_table(table_of(tmp_path, runs=runs, rows=rows, options={'c': '{{weights}}/x'}))
    place = Place(tmp_path / 'tiny.yml', Path('/w'), tmp_path, 'train.py')
    cameras = 'train_dataloader.target.dataset.camera_seed=3'
    prepare, training = commands(Job(table.runs['then'], 1, 3), place, table)
    own, other = '/w/then-seed1-cameras3', '/w/first-seed1-cameras3'
    assert ' '.join(prepare) == (
        f'tools/translate.py {other}/stage.pth --out {own}/copy --cfg-options c={{weights}}/x '
        f'a.b=[1,2] {cameras}'
    )
    assert ' '.join(training) == (
        f'train.py {tmp_path}/config.py --work-dir {own} --seed 1 --cfg-options c={{weights}}/x '
        f'root={own}/copy {cameras}'
    )


def test_texts_of_lists_and_dicts_and_folders_with_spaces_arrive_as_they_were_written(tmp_path):
    value = dict(momentum=0.2, names=['a b', 'c, d', "it's"], weights='{first}/x.pth')
    runs = dict(
        first=dict(config=str(tmp_path / 'config.py'), options={'a': '{work_dir}/y'}),
        then=dict(
            config=str(tmp_path / 'config.py'),
            options={'model.bank': value, 'b': [True, None, 3]},
            prepare=["tools/translate.py {first}/stage.pth 'p q' {first.options}"],
        ),
    )
    rows = [dict(title='one', run='then', stage='two', control=None)]
    table = read_table(table_of(tmp_path, runs=runs, rows=rows))
    place = Place(tmp_path / 'tiny.yml', Path('/my w'), tmp_path, 'train.py')
    prepare, training = commands(Job(table.runs['then'], 1, 0), place, table)
    other = '/my w/first-seed1-cameras0'
    assert prepare == [
        'tools/translate.py', f'{other}/stage.pth', 'p q', '--cfg-options', f'a={other}/y',
    ]  # fmt: skip
    parser = argparse.ArgumentParser()
    add_config_options(parser)
    at = training.index('--cfg-options')
    assert parser.parse_args(training[at:]).cfg_options == {
        'model.bank': dict(value, weights=f'{other}/x.pth'),
        'b': [True, None, 3],
    }


def test_the_commits_of_a_training_are_those_of_its_first_start_and_of_its_resumptions(
    monkeypatch, tmp_path
):
    note = dict(command='c', commit='aaa', seconds=5.0)
    monkeypatch.setattr(table_training, 'commit', lambda: 'bbb')
    assert begun('c', None) == dict(command='c', commit='bbb', seconds=0.0)
    resumed_note = begun('c', note)
    assert resumed_note == dict(command='c', commit='aaa, resumed at bbb', seconds=5.0)
    assert begun('c', resumed_note) == resumed_note
    monkeypatch.undo()
    monkeypatch.setenv('PATH', '')
    assert commit() == 'not recorded'


@pytest.mark.parametrize('saved', [False, True])
def test_a_training_without_a_checkpoint_starts_with_a_new_note(tmp_path, monkeypatch, saved):
    table = read_table(table_of(tmp_path))
    (tmp_path / 'trainer.py').write_text('')
    monkeypatch.setattr(table_training, 'commit', lambda: 'bbb')
    place = Place(tmp_path / 'tiny.yml', tmp_path / 'work', tmp_path, str(tmp_path / 'trainer.py'))
    job = Job(table.runs['plain'], 0, 0)
    folder = place.work / job.key
    folder.mkdir(parents=True)
    (folder / 'table.json').write_text(json.dumps(dict(command='c', commit='aaa', seconds=5.0)))
    if saved:
        (folder / 'iter_3.pth').touch()
    training = Training(job, place, table)
    training.stop()
    assert (training.note['commit'], training.note['seconds']) == (
        ('aaa, resumed at bbb', 5.0) if saved else ('bbb', 0.0)
    )


def test_the_wait_for_a_folder_that_another_process_has_is_told_once(tmp_path, monkeypatch, capsys):
    table = read_table(table_of(tmp_path))
    monkeypatch.setattr(table_tool, 'in_use', lambda folder: f'{folder} is in use by process 7')
    place = Place(tmp_path / 'tiny.yml', tmp_path / 'work', tmp_path, 'train.py')
    jobs, told = table_tool.planned(table), set()
    for _ in range(2):
        assert table_tool.startable(jobs, Records(table, place), place, told) == []
    # those that start from another training wait for that one
    assert capsys.readouterr().out.splitlines() == [
        f'plain-seed{seed}-cameras0 waits: {place.work}/plain-seed{seed}-cameras0 is in use by '
        f'process 7'
        for seed in (0, 1)
    ]


def test_a_training_is_resumed_from_its_own_checkpoint_alone(tmp_path):
    training = ['t.py', 'c.py', '--seed', '1', '--load-from', 'x.pth', '--first-stage', 'two']
    assert resumed(training, tmp_path) == training
    (tmp_path / 'evaluations.json').touch()
    assert resumed(training, tmp_path) == training
    (tmp_path / 'stage_two.pth').touch()
    assert resumed(training, tmp_path) == [
        't.py', 'c.py', '--resume', '--seed', '1', '--first-stage', 'two',
    ]  # fmt: skip
