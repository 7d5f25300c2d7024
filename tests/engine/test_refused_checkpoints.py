import os
from pathlib import Path

import pytest
import torch
from torch import nn

from reidgen.engine.loading import load_strictly


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
