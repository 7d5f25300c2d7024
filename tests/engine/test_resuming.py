"""Which checkpoint of a work dir a training continues from."""

import logging
from types import SimpleNamespace

import pytest
import torch
from checkpoint_files import checkpoint, without, write

from reidgen.checkpoint import read_checkpoint, read_weights
from reidgen.engine.hooks import PseudoLabelHook, TranslationGridHook
from reidgen.engine.resuming import (
    check_belongs,
    check_fresh,
    check_nothing_lost,
    newest_resumable,
    note_start,
    read_resumable,
)
from reidgen.engine.stages import parse_stages


def test_the_newest_is_found_by_number_and_best_files_do_not_count(tmp_path):
    for number in (2, 10, 9):
        write(tmp_path / f'iter_{number}.pth', number)
    write(tmp_path / 'stage_identity.pth', 7)
    write(tmp_path / 'best_mAP_iter_50.pth', 50)
    start = newest_resumable(tmp_path)
    assert (start.path.name, start.iteration) == ('iter_10.pth', 10)


def test_the_end_of_a_stage_counts_and_of_one_iteration_the_numbered_file_is_taken(tmp_path):
    write(tmp_path / 'iter_5.pth', 5)
    write(tmp_path / 'stage_identity.pth', 7)
    assert newest_resumable(tmp_path).path.name == 'stage_identity.pth'
    write(tmp_path / 'iter_7.pth', 7)
    assert newest_resumable(tmp_path).path.name == 'iter_7.pth'


def flip_in_the_file(path):
    data = bytearray(path.read_bytes())
    data[data.index(torch.arange(1000.0).numpy().tobytes()) + 1003] ^= 0x80  # the sign of a number
    path.write_bytes(data)


def flip_and_write_anew(path):
    content = torch.load(path, weights_only=True)
    content['state_dict']['w'].view(torch.uint8)[1003] ^= 1  # the smallest change of a weight
    torch.save(content, path)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b'')


def folder(path):
    path.unlink()
    path.mkdir()


def nan(path):
    write(path, 10, weights=torch.full((3,), float('nan')))


def lacks_optimizer(path):
    torch.save(without(checkpoint(10), 'optimizer'), path)


def lacks_iteration(path):
    write(path, 10, meta=dict(seed=0))


def other_iteration(path):
    write(path, 3)


DAMAGES = [
    (flip_in_the_file, r'iter_10\.pth is damaged \(a checksum is wrong\)'),
    (flip_and_write_anew, r'iter_10\.pth is damaged: its content differs from its checksum'),
    (cut, r'iter_10\.pth is cut short or damaged'),
    (empty, r'iter_10\.pth is cut short or damaged'),
    (folder, r'iter_10\.pth is a folder'),
    (nan, r'iter_10\.pth holds NaN or infinity in 1 tensors \(w, '),
    (lacks_optimizer, r"iter_10\.pth has no \['optimizer'\]"),
    (lacks_iteration, r"iter_10\.pth has no \[\"meta\['iter'\]\"\]"),
    (other_iteration, r'iter_10\.pth is a checkpoint of iteration 3'),
]


@pytest.mark.parametrize('damage,told', DAMAGES)
def test_a_damaged_newest_is_passed_over_with_one_line_and_alone_it_is_refused(
    damage, told, tmp_path, caplog
):
    damage(write(tmp_path / 'iter_10.pth', 10))
    with pytest.raises(ValueError, match=rf'none can be resumed: .*{told}.*another --work-dir'):
        newest_resumable(tmp_path)
    write(tmp_path / 'iter_5.pth', 5)
    with caplog.at_level(logging.INFO):
        assert newest_resumable(tmp_path).path.name == 'iter_5.pth'
    (line,) = caplog.messages
    assert line.endswith('iter_5.pth is taken instead')
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        read_resumable(tmp_path / 'iter_10.pth')


def test_a_checkpoint_without_a_checksum_is_taken(tmp_path):
    content = checkpoint(5)
    del content['reidgen_checksum']
    torch.save(content, tmp_path / 'iter_5.pth')
    assert newest_resumable(tmp_path).iteration == 5


def test_a_changed_weight_is_noticed_when_weights_alone_are_read(tmp_path):
    path = write(tmp_path / 'iter_5.pth', 5)
    flip_and_write_anew(path)
    with pytest.raises(ValueError, match='content differs from its checksum'):
        read_weights(path)
    content = torch.load(path, weights_only=True)
    del content['reidgen_checksum']  # as the error says
    torch.save(content, path)
    assert read_weights(path).state['w'].shape == (1000,)


def test_what_is_read_is_what_was_written(tmp_path):
    path = write(tmp_path / 'iter_5.pth', 5)
    assert torch.equal(read_checkpoint(path)['state_dict']['w'], torch.arange(1000.0))


# ---- work dirs ----


def test_a_moved_work_dir_is_still_found(tmp_path):
    (tmp_path / 'here').mkdir()
    write(tmp_path / 'here/iter_5.pth', 5)
    (tmp_path / 'here').rename(tmp_path / 'there')
    assert newest_resumable(tmp_path / 'there').path == tmp_path / 'there/iter_5.pth'
    assert newest_resumable(tmp_path / 'here') is None


@pytest.mark.parametrize('name', ['stage_identity.pth', 'iter_3.pth', 'best_mAP_iter_3.pth'])
def test_a_new_training_does_not_mix_with_the_checkpoints_of_another(name, tmp_path):
    write(tmp_path / name, 3)
    message = rf'holds 1 checkpoints of a training \({name}.*--resume .* --work-dir'
    with pytest.raises(FileExistsError, match=message):
        check_fresh(tmp_path)


class Writer:
    """A hook whose first checkpoint is at iteration 4."""

    def first_checkpoint(self, stages):
        return 4


STAGES = parse_stages([dict(name='identity', iters=9)])


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_anew(tmp_path):
    write(tmp_path / 'best_mAP_iter_3.pth', 3)
    (tmp_path / 'evaluations.json').write_text('[{"iter": 0}, {"iter": 3}]')
    check_nothing_lost(tmp_path, STAGES, [Writer()])  # raises nothing


@pytest.mark.parametrize('iteration', [4, 8])
def test_a_run_whose_checkpoints_are_gone_is_not_overwritten(iteration, tmp_path):
    (tmp_path / 'evaluations.json').write_text(f'[{{"iter": {iteration}}}]')
    with pytest.raises(ValueError, match=rf'evaluations\.json of iteration {iteration}: .* gone'):
        check_nothing_lost(tmp_path, STAGES, [Writer()])
    (tmp_path / 'evaluations.json').unlink()
    write(tmp_path / 'best_loss_identity.pth', iteration)
    with pytest.raises(ValueError, match=rf'best_loss_identity\.pth of iteration {iteration}'):
        check_nothing_lost(tmp_path, STAGES, [Writer()])


def test_a_run_that_was_started_from_weights_is_not_started_from_others(tmp_path):
    note_start(tmp_path, 'weights/a.pth')
    told = r'--load-from weights/a\.pth: start it again so, without --resume'
    with pytest.raises(ValueError, match=told):
        check_nothing_lost(tmp_path, STAGES, [Writer()])
    note_start(tmp_path, None)  # started again, from no weights
    check_nothing_lost(tmp_path, STAGES, [Writer()])  # raises nothing


def test_a_checkpoint_of_another_folder_does_not_replace_newer_ones(tmp_path):
    (tmp_path / 'other').mkdir()
    start = read_resumable(write(tmp_path / 'other/iter_5.pth', 5))
    write(tmp_path / 'iter_5.pth', 5)
    check_belongs(tmp_path, start)  # raises nothing
    write(tmp_path / 'stage_joint.pth', 7)
    with pytest.raises(FileExistsError, match=r'holds stage_joint\.pth, and .*is of iteration 5'):
        check_belongs(tmp_path, start)
    check_belongs(tmp_path, read_resumable(tmp_path / 'iter_5.pth'))  # its own: it goes back


@pytest.mark.parametrize(
    'hook, folder',
    [
        (TranslationGridHook(), 'grids'),
        (PseudoLabelHook(clustering=dict(type='KMeans', num_clusters=2)), 'clusters'),
    ],
    ids=['grids', 'clusters'],
)
def test_a_resume_removes_the_pictures_of_later_iterations(hook, folder, tmp_path, caplog):
    names = [f'bank_t_{number:06d}.png' for number in (4, 6, 7, 10)]
    (tmp_path / folder).mkdir()
    for name in (*names, 'mine.png', f'{names[1]}.part'):
        (tmp_path / folder / name).touch()
    runner = SimpleNamespace(work_dir=str(tmp_path), logger=logging.getLogger('resumed'))
    with caplog.at_level(logging.INFO, 'resumed'):
        hook.after_resume(runner, iteration=6)
    left = sorted(path.name for path in (tmp_path / folder).iterdir())
    assert left == [*names[:2], 'mine.png']
    assert f'resumed at iteration 6; removed 3 {folder}' in caplog.text
    (tmp_path / folder / 'mine.png').unlink()
    hook.after_resume(runner, iteration=0)
    assert not (tmp_path / folder).exists()
