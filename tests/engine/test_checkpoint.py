import os
from pathlib import Path
from types import SimpleNamespace

import mmengine.runner.runner as mmengine_runner
import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn

from reidgen.engine.hooks import BestLossHook, WholeCheckpointHook
from reidgen.engine.hooks.plain_checkpoint import plain, random_state, set_random_state
from reidgen.engine.runner import load_strictly, newest_checkpoint

PLAIN = (bool, int, float, str, torch.Tensor, type(None))


def leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


# ---- what is written ----


def test_all_files_load_safely_and_hold_plain_values_only(straight):
    files = sorted(Path(straight.work_dir).glob('*.pth'))
    assert {f.name for f in files} >= {
        'iter_5.pth',
        'iter_20.pth',
        'stage_identity.pth',
        'stage_joint.pth',
    }
    for path in files:
        checkpoint = torch.load(path, weights_only=True)
        assert all(isinstance(leaf, PLAIN) for leaf in leaves(checkpoint))
        assert not [key for key in checkpoint['state_dict'] if 'module.' in key]
        assert {'optimizer', 'stages', 'random_state', 'message_hub'} <= set(checkpoint)


def test_plain_names_the_place_of_what_it_refuses():
    with pytest.raises(TypeError, match=r'meta\.list\.1 is a set'):
        plain(dict(list=[1, {2}]), 'meta')


def test_random_state_is_restored():
    import random

    import numpy as np

    def draw():
        numpy = np.random.rand()  # noqa: NPY002  (it is the global state that is saved)
        return torch.rand(3).tolist(), random.random(), numpy, random.gauss(0, 1)

    state = random_state()
    first = draw()
    set_random_state(state)
    assert draw() == first


# ---- what is refused ----


class Pair(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.a, self.b = nn.Linear(2, width), nn.Linear(2, 2)


def test_strict_loading_names_missing_unknown_and_misshapen_keys():
    state = Pair().state_dict()
    del state['b.bias']
    state['c.weight'] = torch.zeros(1)
    state['a.bias'] = torch.zeros(5)
    with pytest.raises(ValueError, match='does not fit') as error:
        load_strictly(Pair(), state, 'x.pth')
    assert str(error.value) == (
        'x.pth does not fit Pair: of 4 tensors 1 missing (b.bias); 1 unknown (c.weight); '
        '1 of another shape (a.bias (5,) instead of (3,)). Use the config it was trained with'
    )


def test_nothing_is_loaded_where_one_key_does_not_fit():
    model, state = Pair(), Pair().state_dict()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state.pop('b.bias')
    with pytest.raises(ValueError, match='1 missing'):
        load_strictly(model, state, 'x.pth')
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_a_wrapped_model_takes_the_keys_of_a_bare_one():
    class Wrapper(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    state, model = Pair().state_dict(), Pair()
    model.a = Wrapper(model.a)
    load_strictly(model, state, 'x.pth')
    assert torch.equal(model.a.module.weight, state['a.weight'])


@pytest.fixture
def load_error(build, tmp_path):
    """The error of loading or resuming from a file."""

    def attempt(path, resume=False) -> str:
        runner = build(tmp_path / 'work', load_from=str(path), resume=resume)
        runner.train_loop  # noqa: B018  (built on access)
        with pytest.raises(ValueError, match=r'\.pth') as error:
            runner.load_or_resume()
        return str(error.value)

    return attempt


class Evil:
    def __reduce__(self):
        return os.mkdir, ('was_run',)


def test_a_file_that_carries_code_is_refused_and_not_run(load_error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={}, evil=Evil()), 'evil.pth')
    assert 'holds Python objects beside tensors' in load_error(tmp_path / 'evil.pth')
    assert not Path('was_run').exists()


def test_a_config_in_a_checkpoint_is_not_run(straight, build, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = torch.load(Path(straight.work_dir, 'iter_20.pth'), weights_only=True)
    checkpoint['meta']['config'] = "import os\nos.mkdir('was_run')"
    torch.save(checkpoint, 'planted.pth')
    runner = build(tmp_path / 'work', load_from='planted.pth', resume=True)
    runner.train_loop  # noqa: B018
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.load_or_resume()
    assert runner.iter == 20
    assert not Path('was_run').exists()


def test_a_truncated_file_is_told_apart(straight, load_error, tmp_path):
    whole = Path(straight.work_dir, 'iter_20.pth').read_bytes()
    (tmp_path / 'half.pth').write_bytes(whole[: len(whole) // 2])
    assert 'half.pth is cut short or damaged' in load_error(tmp_path / 'half.pth')


def test_a_checkpoint_of_another_model_is_refused_by_its_keys(load_error, tmp_path):
    torch.save(dict(state_dict=Pair().state_dict()), tmp_path / 'other.pth')
    error = load_error(tmp_path / 'other.pth')
    assert 'does not fit CrossDomainGCL' in error
    assert '4 unknown (a.bias, a.weight, b.bias, ...)' in error


def test_weights_alone_cannot_be_resumed_from(straight, load_error, tmp_path):
    state = torch.load(Path(straight.work_dir, 'iter_20.pth'), weights_only=True)['state_dict']
    torch.save(dict(state_dict=state), tmp_path / 'weights.pth')
    error = load_error(tmp_path / 'weights.pth', resume=True)
    assert "has no ['message_hub', 'meta', 'optimizer', 'random_state', 'stages']" in error


def test_a_changed_stage_list_is_refused(straight, build, tmp_path):
    path = str(Path(straight.work_dir, 'iter_20.pth'))
    runner = build(tmp_path, {'train_cfg.stages.1.iters': 99}, load_from=path, resume=True)
    runner.train_loop  # noqa: B018
    with pytest.raises(
        ValueError, match='stage generators: iters was 6 in the checkpoint and is 99'
    ):
        runner.load_or_resume()


# ---- whole files ----


@pytest.fixture
def saver(build, tmp_path):
    runner = build(tmp_path)
    runner.train_loop  # noqa: B018
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    return runner


def test_a_failing_write_leaves_the_old_file_and_no_part(saver, tmp_path, monkeypatch):
    saver.save_checkpoint(str(tmp_path), 'iter_5.pth')
    old = (tmp_path / 'iter_5.pth').read_bytes()

    def half(checkpoint, filename, **kwargs):
        Path(filename).write_bytes(old[: len(old) // 2])
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(mmengine_runner, 'save_checkpoint', half)
    with pytest.raises(
        OSError, match=r'could not write the checkpoint .*iter_5\.pth.*No space left.*--work-dir'
    ):
        saver.save_checkpoint(str(tmp_path), 'iter_5.pth')
    assert (tmp_path / 'iter_5.pth').read_bytes() == old
    assert not list(tmp_path.glob('*.part'))


def test_a_model_with_nan_is_not_written_over_a_good_file(saver, tmp_path):
    saver.save_checkpoint(str(tmp_path), 'iter_5.pth')
    old = (tmp_path / 'iter_5.pth').read_bytes()
    with torch.no_grad():
        saver.model.G.image[0].conv.bias[0] = float('nan')
    with pytest.raises(FloatingPointError, match=r'iteration 1: NaN .*\(G\.image\.0\.conv\.bias'):
        saver.save_checkpoint(str(tmp_path), 'iter_5.pth')
    assert (tmp_path / 'iter_5.pth').read_bytes() == old


def test_the_newest_whole_file_is_found_by_number(tmp_path):
    for number in (2, 10, 9):
        torch.save(dict(meta=dict(iter=number)), tmp_path / f'iter_{number}.pth')
    torch.save(dict(meta=dict(iter=7)), tmp_path / 'stage_identity.pth')
    torch.save({}, tmp_path / 'best_mAP_iter_50.pth')
    assert newest_checkpoint(tmp_path).name == 'iter_10.pth'


def test_a_truncated_file_is_skipped_and_a_stage_end_counts(tmp_path, caplog):
    torch.save(dict(meta=dict(iter=5)), tmp_path / 'iter_5.pth')
    torch.save(dict(meta=dict(iter=7)), tmp_path / 'stage_identity.pth')
    (tmp_path / 'iter_10.pth').write_bytes((tmp_path / 'iter_5.pth').read_bytes()[:-100])
    (tmp_path / 'iter_15.pth.part').write_bytes(b'half')
    assert newest_checkpoint(tmp_path).name == 'stage_identity.pth'
    assert 'iter_10.pth is cut short' in caplog.text


def test_a_moved_work_dir_is_still_found(tmp_path):
    (tmp_path / 'here').mkdir()
    torch.save(dict(meta=dict(iter=5)), tmp_path / 'here/iter_5.pth')
    (tmp_path / 'here').rename(tmp_path / 'there')
    assert newest_checkpoint(tmp_path / 'there') == tmp_path / 'there/iter_5.pth'
    assert newest_checkpoint(tmp_path / 'here') is None


# ---- which files are kept ----


class FakeRunner:
    """As much of a runner as the hooks ask for; what it saves is a file."""

    def __init__(self, work_dir: Path, name: str, iters: int = 100):
        self.work_dir, self.iter, self.epoch, self.max_iters = str(work_dir), 0, 0, iters
        self.message_hub = MessageHub.get_instance(name)
        self.logger = SimpleNamespace(info=lambda *a: None, warning=lambda *a: None)
        self.saved: list[tuple[str, set[str]]] = []

    def save_checkpoint(self, out_dir, filename, *args, **kwargs):
        there = {path.name for path in Path(out_dir).iterdir()}
        Path(out_dir, filename).touch()
        self.saved.append((filename, there))

    @property
    def train_loop(self):
        stage = SimpleNamespace(name='joint', iters=self.max_iters)
        return SimpleNamespace(
            stage=stage, done=self.iter, evaluated_stage=stage, stages=[stage], first_stage=None
        )


@pytest.mark.parametrize('key', ['mAP', 'source/mAP'])
def test_the_best_of_a_sequence_is_kept_and_the_old_best_deleted_afterwards(key, tmp_path):
    runner = FakeRunner(tmp_path, f'best {key}')
    hook = WholeCheckpointHook(interval=1000, save_best=key)
    hook.before_train(runner)
    for runner.iter, score in enumerate([30.0, 50.0, 40.0, 50.0, 60.0, 10.0], start=1):
        hook.after_val_epoch(runner, {key: score})
    name = key.replace('/', '_')
    best = [f'best_{name}_iter_{number}.pth' for number in (1, 2, 5)]
    assert [filename for filename, _ in runner.saved] == best
    assert runner.saved[1][1] == {best[0]}  # the old best was there while the new was written
    assert runner.saved[2][1] == {best[1]}
    assert [path.name for path in tmp_path.iterdir()] == best[2:]


def test_only_evaluations_of_best_stages_count(tmp_path):
    runner = FakeRunner(tmp_path, 'best stages')
    hook = WholeCheckpointHook(interval=1000, save_best='mAP', best_stages=('identity',))
    hook.before_train(runner)
    hook.after_val_epoch(runner, dict(mAP=99.0))
    assert runner.saved == []


def test_max_keep_keeps_the_last_files_and_what_is_not_numbered(tmp_path):
    (tmp_path / 'iter_mine.pth').touch()
    runner = FakeRunner(tmp_path, 'max keep')
    hook = WholeCheckpointHook(interval=2, max_keep_ckpts=2)
    hook.before_train(runner)
    for runner.iter in range(10):
        hook.after_train_iter(runner, runner.iter)
    assert {path.name for path in tmp_path.iterdir()} == {
        'iter_8.pth',
        'iter_10.pth',
        'iter_mine.pth',
    }
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
    hook, found = BestLossHook('joint', term='G/loss', interval=3), []
    for runner.iter, loss in enumerate(losses):
        runner.message_hub.update_scalar('train/G/loss', loss)
        hook.after_train_iter(runner, runner.iter, outputs={'G/loss': loss})
        if len(runner.saved) > len(found):
            found.append(runner.iter + 1)
    assert found == snapshots


def test_best_loss_rejects_a_term_that_is_not_logged(tmp_path):
    hook = BestLossHook('joint', term='G/los', interval=3)
    with pytest.raises(ValueError, match=r"watches 'G/los'; stage joint logs \['G/loss'\]"):
        hook.after_train_iter(FakeRunner(tmp_path, 'no term'), 0, outputs={'G/loss': 1.0})
