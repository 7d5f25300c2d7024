"""Tables of trainings as read from YAML: camera seeds, and what is refused."""

import pytest
from table_runs import ROOT, in_process, table_of

from tools.benchmarks.table_plan import camera_options, read_table


@pytest.fixture
def run(monkeypatch, capsys):
    return in_process(monkeypatch, capsys)


def test_every_rendered_set_gets_the_camera_seed_however_deep_it_lies():
    cfg = dict(
        a=dict(dataset=dict(type='PositivePairs', dataset=dict(type='SyntheticReID', domain='x'))),
        b=dict(dataset=dict(sets=[dict(type='FolderReID'), dict(type='SyntheticReID')])),
    )
    assert camera_options(cfg, 2, 'train_dataloader') == {
        'train_dataloader.a.dataset.dataset.camera_seed': 2,
        'train_dataloader.b.dataset.sets.1.camera_seed': 2,
    }


RUN = dict(config='configs/gcl_synth.py')
ROW = dict(title='one', run='plain', stage='two', control=None)


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(rows=[dict(ROW, run='plane')]), r"rows\[0\]\.run is 'plane' \(did you mean 'plain'"),
        (dict(rows=[{**ROW, 'stages': 1}]), r"rows\[0\]: unknown key 'stages' \(did you mean"),
        (dict(rows=[dict(title='one', run='plain', stage='two')]), r'rows\[0\] has no control'),
        (dict(rows=[ROW, ROW]), r"rows\[0\]: a second row is called 'one'; name them apart"),
        (dict(rows=[dict(ROW, control='two')]), r"control is 'two'; there are one"),
        (dict(rows=[dict(ROW, control='one')]), r"'one' is its own control; name another row"),
        (dict(seeds=[0, 0]), r'seeds is \[0, 0\]; write a list of different whole numbers'),
        (dict(camera_seeds=1), r'camera_seeds is 1; write a list of different whole numbers'),
        (dict(camera_seeds=[1, 0]), r'camera_seeds is \[1, 0\]; 0, the cameras of the benchmark'),
        (dict(rows=[dict(ROW, prefix=None)]), r'rows\[0\]\.prefix is None; write a text such as'),
        (dict(rows=[dict(ROW, before=1)]), r'rows\[0\]\.before is 1; write true or false'),
        (dict(rows=[dict(ROW, run=[])]), r'rows\[0\]\.run is \[\]; write a text'),
        (
            dict(runs={'plain': dict(RUN, start=dict(run='plain', checkpoint=5))}),
            r'start\.checkpoint is 5; write a text',
        ),
        (
            dict(runs={'plain': dict(RUN, options={'a': ['{b.options}']})}),
            r"options\.a is '\{b\.options\}'; \{NAME\.options\} stands in prepare alone",
        ),
        (
            dict(runs={'plain': dict(RUN, options={'a': {'b': '{other}/x'}})}),
            r"runs\.plain needs the run 'other'; there are plain",
        ),
        (dict(options={'a': ['\'"']}), r'options\.a has .*has one kind of quotes at most'),
        (
            dict(runs={'plain': dict(RUN, prepare=['tools/translate.py x{plain.options}'])}),
            r"prepare has 'x\{plain\.options\}'; \{NAME\.options\} is a word of its own",
        ),
        (dict(runs=[]), r'runs is \[\]; write runs by name'),
        (dict(runs={'plain': dict(config='configs/gcl_sinth.py')}), r'is no file; correct it'),
        (dict(runs={'a-b': RUN}), r'runs\.a-b: a name is letters, digits and _'),
        (dict(options=[1]), r'options is \[1\]; write dotted names and values'),
        (dict(options={'a': '{b'}), r"options\.a is '\{b': .*; write \{\{ for \{"),
        (
            dict(runs={'plain': dict(RUN, options={'a': '{other}/x'})}),
            r"runs\.plain needs the run 'other'; there are plain",
        ),
        (
            dict(runs={'plain': dict(RUN, prepare=['tools/translat.py {work_dir}'])}),
            r'runs\.plain\.prepare begins with tools/translat\.py, which is no file',
        ),
        (
            dict(runs={
                name: dict(RUN, start=dict(run=other, checkpoint='x.pth'))
                for name, other in (('plain', 'begun'), ('begun', 'plain'))
            }),
            r'the runs plain, begun wait for one another',
        ),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_with_its_place_and_the_fix(tmp_path, changes, message):
    with pytest.raises(ValueError, match=rf'tiny\.yml: .*{message}'):
        read_table(table_of(tmp_path, **changes))


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='tools/benchmarks/tables has examples'):
        read_table(tmp_path / 'no.yml')
    (tmp_path / 'no.yml').write_text('title: [')
    with pytest.raises(ValueError, match=r'no\.yml is no YAML: '):
        read_table(tmp_path / 'no.yml')
    (tmp_path / 'no.yml').write_text('- title')
    with pytest.raises(ValueError, match=r"no\.yml is \['title'\]; write keys and values"):
        read_table(tmp_path / 'no.yml')


@pytest.mark.slow
@pytest.mark.parametrize('path', sorted((ROOT / 'tools/benchmarks/tables').glob('*.yml')))
def test_the_tables_of_the_project_have_configs_and_stages_for_every_row(path, tmp_path, run):
    (tmp_path / 'tiny.yml').write_text(path.read_text())
    told, error = run(tmp_path, '--dry-run')
    assert (told[:5], error) == ('0 of ', '')


def test_a_row_of_a_stage_that_the_config_does_not_have_is_refused_before_training(tmp_path, run):
    rows = [dict(title='one', run='plain', stage='tow', control=None)]
    table_of(tmp_path, rows=rows)
    assert run(tmp_path)[1] == (
        f"error: {tmp_path}/tiny.yml: rows[0].stage is 'tow' (did you mean 'two'?); there are "
        f'one, two'
    )
    assert not (tmp_path / 'work').exists()
    assert run(tmp_path, '--jobs', '0')[1] == 'error: --jobs is 0; give 1 or more'
