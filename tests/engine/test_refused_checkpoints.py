import os
from pathlib import Path

import pytest
import torch
from checkpoint_files import without
from torch import nn

pytestmark = pytest.mark.slow


@pytest.fixture
def load_error(build, tmp_path):
    """The error of loading or resuming from a file."""

    def attempt(path, resume=False) -> str:
        with pytest.raises(ValueError, match=r'\.pth') as error:
            build(tmp_path / 'work', load_from=str(path), resume=resume).train()
        return str(error.value)

    return attempt


class Evil:
    def __reduce__(self):
        return os.mkdir, ('was_run',)


@pytest.mark.parametrize('resume', [False, True])
def test_a_file_that_carries_code_is_refused_and_not_run(resume, load_error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={}, evil=Evil()), 'evil.pth')
    assert 'holds Python objects beside tensors' in load_error(tmp_path / 'evil.pth', resume)
    assert not Path('was_run').exists()


def test_a_config_in_a_checkpoint_is_not_run(straight, build, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = torch.load(Path(straight.work_dir, 'iter_20.pth'), weights_only=True)
    checkpoint['meta']['config'] = "import os\nos.mkdir('was_run')"
    torch.save(without(checkpoint), 'planted.pth')
    runner = build(tmp_path / 'work', load_from='planted.pth', resume=True)
    runner.train_loop  # noqa: B018
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.load_or_resume()
    assert runner.iter == 20
    assert not Path('was_run').exists()


def test_a_truncated_file_is_refused_as_such(straight, load_error, tmp_path):
    whole = Path(straight.work_dir, 'iter_20.pth').read_bytes()
    (tmp_path / 'half.pth').write_bytes(whole[: len(whole) // 2])
    assert 'half.pth is cut short or damaged' in load_error(tmp_path / 'half.pth')


def test_a_checkpoint_of_another_model_is_refused_by_its_keys(load_error, tmp_path):
    torch.save(
        dict(state_dict=nn.ModuleDict(dict(a=nn.Linear(2, 3), b=nn.Linear(2, 2))).state_dict()),
        tmp_path / 'other.pth',
    )
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


def test_a_resume_takes_no_file_of_other_identities_and_names_the_way(straight, build, tmp_path):
    checkpoint = torch.load(Path(straight.work_dir, 'iter_20.pth'), weights_only=True)
    key = 'C.linear.weight'
    checkpoint['state_dict'][key] = checkpoint['state_dict'][key][:3].clone()
    torch.save(without(checkpoint), tmp_path / 'other.pth')
    runner = build(tmp_path / 'work', load_from=str(tmp_path / 'other.pth'), resume=True)
    runner.train_loop  # noqa: B018
    message = (
        r'1 of another shape \(C\.linear\.weight .*Resume with the config .* --load-from starts'
    )
    with pytest.raises(ValueError, match=message):
        runner.load_or_resume()


# ---- files of other trainers ----


def start_of(straight) -> dict:
    return torch.load(Path(straight.work_dir, 'iter_20.pth'), weights_only=True)['state_dict']


@pytest.fixture
def started(build, tmp_path):
    """Parts of the model, and the log, of a training that starts from a file."""

    short = dict(name='joint', iters=1, phases=['D', 'G'], loaders=['source', 'target'])
    options = {'train_cfg.stages': [short], 'default_hooks.best_loss': None}

    def start(content):
        torch.save(content, tmp_path / 'theirs.pth')
        runner = build(tmp_path / 'work', options, load_from=str(tmp_path / 'theirs.pth'))
        runner.train()
        (log,) = (tmp_path / 'work').rglob('*.log')
        return [line for line in log.read_text().splitlines() if ' loaded ' in line]

    return start


def test_a_training_starts_from_another_number_of_identities(straight, started):
    state = start_of(straight)
    state['C.linear.weight'] = torch.ones(751, state['C.linear.weight'].shape[1])
    (line,) = started(dict(model=state, epoch=3))
    assert "theirs.pth['model']: " in line
    assert '; as built: C (C.linear.weight is (751, ' in line


def test_a_training_starts_from_an_encoder_alone(straight, started):
    encoder = {key[4:]: value for key, value in start_of(straight).items() if key[:4] == 'E_c.'}
    (line,) = started({f'module.backbone.{key}': value for key, value in encoder.items()})
    assert 'E_c (module.backbone.trunk.0.weight is E_c.trunk.0.weight); as built: ' in line


def test_a_training_starts_from_a_model_saved_whole(straight, started):
    (line,) = started(straight.model)
    assert 'as built' not in line
