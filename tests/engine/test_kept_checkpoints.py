from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub

from reidgen.engine.hooks import AtomicCheckpointHook, BestLossHook
from reidgen.engine.hooks.atomic_checkpoint import reported_names

pytestmark = pytest.mark.slow


class FakeRunner:
    """As much of a runner as the hooks ask for; what it saves is a file."""

    def __init__(self, work_dir: Path, name: str, iters: int = 100):
        self.work_dir, self.iter, self.epoch, self.max_iters = str(work_dir), 0, 0, iters
        self.message_hub = MessageHub.get_instance(name)
        self.logger = SimpleNamespace(info=lambda *a: None, warning=lambda *a: None)
        self.saved: list[tuple[str, set[str]]] = []
        self.val_loop, self.resumed_from, self.hooks = None, None, []

    def save_checkpoint(self, out_dir, filename, *args, **kwargs):
        there = {path.name for path in Path(out_dir).iterdir()}
        Path(out_dir, filename).touch()
        self.saved.append((filename, there))

    @property
    def train_loop(self):
        stage = SimpleNamespace(name='joint', iters=self.max_iters)
        names = ('identity', 'joint')
        return SimpleNamespace(
            stage=stage,
            done=self.iter,
            evaluated_stage=stage,
            stages=[stage],
            stage_names=names,
        )

    def call_hook(self, event: str, **kwargs) -> None:
        for hook in self.hooks:
            getattr(hook, event)(self, **kwargs)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize('key', ['mAP', 'source/mAP'])
def test_the_best_of_a_sequence_is_kept_and_the_old_best_until_a_checkpoint_has_the_new(
    key, tmp_path
):
    runner = FakeRunner(tmp_path, f'best {key}')
    hook = AtomicCheckpointHook(interval=4, save_best=key)
    hook.before_train(runner)
    there = []
    for number, score in enumerate([30.0, 50.0, 40.0, 50.0, 60.0, 10.0], start=1):
        runner.iter = number - 1
        hook.after_train_iter(runner, number)
        runner.iter = number
        hook.after_val_epoch(runner, {key: score})
        hook.after_evaluation(runner, number)
        there.append(names_in(tmp_path))
    one, two, five = (f'best_{key.replace("/", "_")}_iter_{number}.pth' for number in (1, 2, 5))
    kept = {'iter_4.pth', two}
    assert there == [{one}, {one, two}, {one, two}, kept, kept | {five}, kept | {five}]
    assert runner.message_hub.get_info('best_ckpt') == five


def test_a_checkpoint_is_written_again_with_the_result_of_its_evaluation(tmp_path):
    runner = FakeRunner(tmp_path, 'again', iters=6)
    hook = AtomicCheckpointHook(interval=4)
    hook.before_train(runner)
    for runner.iter in (3, 4, 5):
        hook.after_train_iter(runner, runner.iter)
    for runner.iter in (4, 5, 6):  # evaluations
        hook.after_evaluation(runner, runner.iter)
    assert [name for name, _ in runner.saved] == 2 * ['iter_4.pth', 'iter_6.pth']
    assert (tmp_path / 'stage_joint.pth').samefile(tmp_path / 'iter_6.pth')


def test_only_evaluations_of_best_stages_count(tmp_path):
    runner = FakeRunner(tmp_path, 'best stages')
    hook = AtomicCheckpointHook(interval=1000, save_best='mAP', best_stages=('identity',))
    hook.before_train(runner)
    hook.after_val_epoch(runner, dict(mAP=99.0))
    assert runner.saved == []


def test_a_misspelt_save_best_is_refused_before_training(build, tmp_path):
    runner = build(tmp_path, {'default_hooks.checkpoint.save_best': 'mapp'})
    with pytest.raises(ValueError, match=r"checkpoint\.save_best is 'mapp'.* one of mAP, rank1"):
        runner.train()
    assert runner.iter == 0


@pytest.mark.parametrize('first_stage', [None, 'joint'])
def test_a_misspelt_best_stage_is_refused_and_one_that_is_left_out_is_not(
    build, tmp_path, first_stage
):
    options = {'train_cfg.first_stage': first_stage}
    wanted = 'default_hooks.checkpoint.best_stages'
    runner = build(tmp_path, options | {wanted: ['jont']})
    with pytest.raises(ValueError, match=r"best_stages names \['jont'\]; .* 'generators', 'joint'"):
        runner.train()
    assert runner.iter == 0
    runner = build(tmp_path / 'fine', options | {wanted: ['generators', 'joint']})
    hook = next(hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook))
    hook.before_train(runner)  # raises nothing


def test_known_names_are_those_that_an_evaluation_reports(build, tmp_path):
    runner = build(tmp_path, {'val_cfg.both': True, 'val_evaluator.ranks': [1, 3]})
    runner.hooks.clear()  # it is no training, which some of them ask
    loop = runner.val_loop
    assert list(loop.loaders) == ['target', 'source']
    assert set(reported_names(loop)) == set(loop.run())


def test_a_misspelt_save_best_of_ones_own_metric_is_refused_at_the_first_evaluation(tmp_path):
    runner = FakeRunner(tmp_path, 'own metric')
    runner.val_loop = SimpleNamespace(evaluators=dict(a=SimpleNamespace(metrics=[object()])))
    hook = AtomicCheckpointHook(interval=1000, save_best='mapp')
    hook.before_train(runner)
    with pytest.raises(ValueError, match=r"'mapp', which no evaluation reports; .* one of mine"):
        hook.after_val_epoch(runner, dict(mine=50.0))


def test_max_keep_keeps_the_last_files_and_what_is_not_numbered(tmp_path):
    (tmp_path / 'iter_mine.pth').touch()
    runner = FakeRunner(tmp_path, 'max keep')
    hook = AtomicCheckpointHook(interval=2, max_keep_ckpts=2)
    hook.before_train(runner)
    for runner.iter in range(10):
        hook.after_train_iter(runner, runner.iter)
    assert names_in(tmp_path) == {'iter_8.pth', 'iter_10.pth', 'iter_mine.pth'}
    assert runner.saved[-1][1] == {
        'iter_6.pth',
        'iter_8.pth',
        'iter_mine.pth',
    }  # deleted afterwards


@pytest.mark.parametrize(
    'losses,snapshots',
    [
        ([5, 1, 9, 4, 4, 4, 1, 1, 9, 9, 9, 9], [3, 6, 9]),  # means 5, 4, 11/3, 9
        ([5, 1, 9, 4, 4, 4, 1, 2], [3, 6, 8]),  # the last window of two, 3/2, counts
        ([5, 1, 9, 4, 4, 4, 0], [3, 6]),  # one of one does not
        ([3], [1]),  # but for a stage without any other
    ],
)
def test_best_loss_keeps_the_window_with_the_lowest_mean(losses, snapshots, tmp_path):
    runner = FakeRunner(tmp_path, f'best loss {losses}', len(losses))
    hook, checkpoints = BestLossHook('joint', term='G/loss', interval=3), AtomicCheckpointHook(100)
    checkpoints.before_train(runner)
    runner.hooks, found = [hook], []
    for runner.iter, loss in enumerate(losses):
        runner.message_hub.update_scalar('train/G/loss', loss)
        hook.after_train_iter(runner, runner.iter, outputs={'G/loss': loss})
        checkpoints.after_train_iter(runner, runner.iter)
        if 'best_loss_joint.pth' in [name for name, _ in runner.saved]:
            assert runner.saved[-2][0] == f'iter_{runner.iter + 1}.pth'  # which knows of it
            found.append(runner.iter + 1)
            runner.saved.clear()
    assert found == snapshots


def test_best_loss_rejects_a_term_that_is_not_logged(tmp_path):
    hook = BestLossHook('joint', term='G/los', interval=3)
    with pytest.raises(ValueError, match=r"watches 'G/los'; stage joint logs \['G/loss'\]"):
        hook.after_train_iter(FakeRunner(tmp_path, 'no term'), 0, outputs={'G/loss': 1.0})


# ---- a resumed work dir ----


@pytest.fixture
def resumed(tmp_path):
    """Names in the work dir after a resume at iteration 6 of 8, a checkpoint every two."""

    def resume(start: str, *there: str, best: str | None = None) -> set[str]:
        for name in (start, *there):
            torch.save(dict(meta=dict(iter=NUMBERS[name])), tmp_path / name)
        runner = FakeRunner(tmp_path, f'resumed {start} {there} {best}', iters=8)
        runner.resumed_from = tmp_path / start
        if best is not None:
            runner.message_hub.update_info('best_ckpt', best)
        hook = AtomicCheckpointHook(interval=2, max_keep_ckpts=2, save_best='mAP')
        hook.before_train(runner)
        hook.after_resume(runner, iteration=6)
        return names_in(tmp_path)

    return resume


NUMBERS = {f'iter_{number}.pth': number for number in range(10)}
NUMBERS |= {f'best_mAP_iter_{number}.pth': number for number in range(10)}
NUMBERS |= {'stage_joint.pth': 8, 'stage_before.pth': 9, 'stage_mine.pth': 6}


def test_later_and_superseded_files_are_removed_and_those_of_other_stages_are_not(resumed):
    there = ['iter_2.pth', 'iter_4.pth', 'iter_8.pth', 'stage_joint.pth', 'stage_before.pth']
    there += ['best_mAP_iter_4.pth', 'best_mAP_iter_7.pth']
    kept = {'iter_6.pth', 'iter_4.pth', 'stage_before.pth', 'best_mAP_iter_4.pth'}
    assert resumed('iter_6.pth', *there, best='best_mAP_iter_4.pth') == kept


def test_the_checkpoint_gets_the_name_that_its_iteration_has(resumed, tmp_path):
    assert resumed('stage_mine.pth') == {'stage_mine.pth', 'iter_6.pth'}
    assert (tmp_path / 'iter_6.pth').samefile(tmp_path / 'stage_mine.pth')


def test_a_folder_in_the_place_of_a_later_checkpoint_is_set_aside(resumed, tmp_path):
    (tmp_path / 'iter_8.pth').mkdir()
    (tmp_path / 'iter_8.pth/mine').touch()
    (tmp_path / 'iter_8.pth.part').touch()
    assert resumed('iter_6.pth') == {'iter_6.pth', 'iter_8.pth.folder'}
