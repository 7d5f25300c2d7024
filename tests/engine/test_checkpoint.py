from pathlib import Path

import mmengine.runner.runner as mmengine_runner
import pytest
import torch

from reidgen.checkpoint import CHECKSUM, content_checksum, read_checkpoint
from reidgen.engine.hooks.safe_checkpoint import plain, random_state, set_random_state

pytestmark = pytest.mark.slow

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
        assert checkpoint[CHECKSUM] == content_checksum(checkpoint)


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
    # as in files of earlier versions
    lists = [
        [v.tolist() if torch.is_tensor(v) else v for v in state[k]] for k in ('python', 'numpy')
    ]
    set_random_state(state | dict(zip(('python', 'numpy'), lists)))
    assert draw() == first


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
    told = (
        r'could not write .*iter_5\.pth.*No space left.*free there.*needs about \d+ MB.*--work-dir'
    )
    with pytest.raises(OSError, match=told):
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


def test_a_text_file_is_no_checkpoint(tmp_path):
    path = tmp_path / 'hello.pth'
    path.write_text('hello')
    with pytest.raises(ValueError, match=r'hello\.pth is'):
        read_checkpoint(path)


def test_a_new_training_does_not_mix_with_the_checkpoints_of_another(build, tmp_path):
    torch.save(dict(meta=dict(iter=7)), tmp_path / 'stage_identity.pth')
    with pytest.raises(FileExistsError, match='holds 1 checkpoints of a training'):
        build(tmp_path)
