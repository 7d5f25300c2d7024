"""The command given again, with another spelling, crops, config or folder."""

import pytest

from reidgen.adaptation.rerun import BEGUN, check_same, check_unedited, note_config
from reidgen.cli import adapt
from reidgen.cli.main import parse

PEOPLE = [f'{pid}_c{camera}_{n}.png' for pid in range(8) for camera in (1, 2) for n in (1, 2)]


def arguments(source='people', target='crops', out='mine'):
    return parse('adapt', ['--source', source, '--target', target, '--out', out])


@pytest.fixture
def here(draw, tmp_path, monkeypatch):
    """Working directory with labelled people; whatever trains fails."""
    draw('people', PEOPLE)
    monkeypatch.setattr(adapt.train, 'run', lambda args: pytest.fail('trained'))
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- the command ----


def test_another_command_does_not_go_on_with_the_folder_of_this_one(here):
    config, first = here / 'config.py', adapt.command_of(arguments('synth_a'))
    config.write_text(f'"""A config.\n\nMade by: {first}\n"""')
    check_same(config, first)
    with pytest.raises(ValueError, match=r'was made by .*synth_a .*, not by .*synth_b '):
        check_same(config, adapt.command_of(arguments('synth_b')))


@pytest.mark.parametrize(
    'other',
    [
        dict(target='crops/', out='./mine'),
        dict(source='./people/', target='other/../crops'),
        dict(out='mine/'),
    ],
)
def test_another_spelling_of_a_folder_is_the_same_command(other, here):
    assert adapt.command_of(arguments(**other)) == adapt.command_of(arguments())


def test_the_same_folders_from_another_place_are_the_same_command(here, monkeypatch):
    first = adapt.command_of(arguments())
    monkeypatch.chdir(here / 'people')
    assert adapt.command_of(arguments('../people', '../crops', '../mine')) == first


def test_a_config_without_the_line_of_its_command_is_told_with_the_line(tmp_path):
    (tmp_path / 'config.py').write_text('"""A config of mine."""')
    with pytest.raises(ValueError, match=r"no line 'Made by: .*put the line 'Made by: reidgen x'"):
        check_same(tmp_path / 'config.py', 'reidgen x')


# ---- the crops ----


def test_wrong_pictures_end_the_command_before_training_and_may_be_corrected(draw, here):
    draw('crops', [f'{n}.png' for n in range(8)])
    with pytest.raises(ValueError, match='target: 8 images are too few'):
        adapt.run(arguments())
    assert not (here / 'mine/config.py').exists()
    draw('crops', [f'{n}.png' for n in range(9)])
    with pytest.raises(ValueError, match='target: 9 images are too few'):
        adapt.run(arguments())


@pytest.mark.parametrize('out', ['crops', 'crops/door/mine', 'people/mine'])
def test_results_among_the_pictures_that_are_read_are_refused(out, draw, here):
    draw('crops', ['door/1.png'])
    with pytest.raises(ValueError, match=rf'--out {out} lies in --(target|source) .*beside'):
        adapt.run(arguments(out=out))
    assert not (here / 'crops/door/mine').exists()


def test_results_within_a_source_of_named_folders_are_not_refused(draw, here):
    draw('market', ['bounding_box_train/1_c1_1.png'])
    adapt.check_out(arguments('market', out='market/mine'))


# ---- the config ----


def test_an_edit_before_the_first_checkpoint_is_trained_and_one_after_it_is_refused(tmp_path):
    config, begun = tmp_path / 'config.py', tmp_path / BEGUN
    for text in ('lr = 1', 'lr = 2'):
        config.write_text(text)
        check_unedited(tmp_path)
        note_config(tmp_path)
        assert begun.read_text() == text
    (tmp_path / 'iter_50.pth').touch()
    config.write_text('lr  =  2  # a comment')
    check_unedited(tmp_path)
    config.write_text('lr = 3')
    with pytest.raises(ValueError, match=r'edited after .*\(iter_50\.pth, .*move \*\.pth out'):
        check_unedited(tmp_path)
    assert begun.read_text() == 'lr = 2'


@pytest.mark.parametrize('gone', ['iter_50.pth', BEGUN])
def test_an_edit_is_trained_where_checkpoints_or_their_config_were_taken_away(
    gone, tmp_path, capsys
):
    for name, text in (('config.py', 'lr = 3'), (BEGUN, 'lr = 2'), ('iter_50.pth', '')):
        (tmp_path / name).write_text(text)
    (tmp_path / gone).unlink()
    check_unedited(tmp_path)
    note_config(tmp_path)
    assert (tmp_path / BEGUN).read_text() == 'lr = 3'
    told = 'remark: ' in capsys.readouterr().out
    assert told == (gone == BEGUN)


def test_an_edit_after_the_training_ends_the_command_at_once(draw, here):
    draw('mine', ['grid.png'])
    config = f'"""A config.\n\nMade by: {adapt.command_of(arguments())}\n"""\nlr = '
    (here / 'mine/config.py').write_text(config + '2')
    (here / 'mine' / BEGUN).write_text(config + '1')
    (here / 'mine/stage_clusters.pth').touch()
    with pytest.raises(ValueError, match='is not trained again with the edit'):
        adapt.run(arguments())  # before it looks for crops, which are not there


def test_a_config_without_the_parts_to_measure_on_is_refused_before_training(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(
        "train_cfg = dict(stages=[dict(name='identity')])\n"
        "train_dataloader = dict(identity=dict(dataset=dict(type='FolderReID', root='x')))\n"
        'default_hooks = dict(pseudo_label=None)\n'
    )
    lacking = (
        r'has no stage joint, train_dataloader\.source, train_dataloader\.target, '
        r'default_hooks\.pseudo_label\.clustering, by which'
    )
    with pytest.raises(ValueError, match=lacking):
        adapt.find_measured(path)
