"""The number of processes does not change what batch norm over groups of images computes."""

from functools import partial
from pathlib import Path

import pytest
import torch
from bn_groups_process import evaluated
from one_process import train
from processes import finish, start
from torch import nn

from reidgen.engine.config import load_config
from reidgen.models.layers.ghost_batch_norm import set_bn_group

GROUPS = (4, 8, 16, 32)  # of 32 images: within a process, all of it, on two, on four
SUMMED = ('weight_grad', 'bias_grad')  # over the processes, where DDP takes the mean
SHORT = {f'train_cfg.stages.0.{key}': 8 for key in ('iters', 'eval_every')}
TRAINED = dict(groups={'bn_group': 32, **SHORT}, own=SHORT)
SHARED = ('running_mean', 'running_var', 'num_batches_tracked')


@pytest.fixture(scope='module')
def cases() -> list[dict]:
    torch.manual_seed(0)
    found = []
    for shape, dtype, offset in (
        ((32, 3, 4, 2), torch.float64, 1.0),
        ((32, 5), torch.float64, 0.0),
        ((32, 3, 4, 2), torch.float32, 1000.0),  # a mean far above the deviation
    ):
        layer = {2: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)](shape[1])
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.running_mean)
        x, weights = torch.randn(2, *shape, dtype=torch.float64)
        state = layer.to(dtype).state_dict()
        x, weights = (x + offset).to(dtype), weights.to(dtype)
        found.append(dict(x=x, weights=weights, state=state))
    return found


@pytest.fixture(scope='module')
def ended(cases, tmp_path_factory):
    """What 1, 2 and 4 processes leave: of the layers, on each rank, and of trainings."""
    folder = tmp_path_factory.mktemp('processes')

    def work(rank: int, count: int) -> None:
        place = folder / str(count)
        if count > 1:
            layers = [{group: evaluated(case, group) for group in GROUPS} for case in cases]
            torch.save(layers, place / f'layers{rank}.pth')
        for name, options in TRAINED.items():
            (place / name).mkdir(exist_ok=True)
            size = {'train_dataloader.identity.batch_size': 64 // count}
            options = dict(options, config='identity_tiny.py', **size)
            train(place / name, place / name / f'end{rank}.pth', options)

    for count in (1, 2, 4):
        finish(start(count, partial(work, count=count), folder / str(count)))
    return lambda count, name: torch.load(folder / f'{count}/{name}.pth', weights_only=True)


def of_plain_layers(case: dict, group: int) -> dict[str, torch.Tensor]:
    """The same in float64 by a plain batch norm for each group and forward."""
    layers, outputs, moved = [], [], []
    x, weights = (case[key].double().clone() for key in ('x', 'weights'))
    x.requires_grad_()
    for part in x.split(group):
        layers.append({2: nn.BatchNorm1d, 4: nn.BatchNorm2d}[x.dim()](x.shape[1]).double())
        layers[-1].load_state_dict(case['state'])
        outputs.append((layers[-1](part), layers[-1](part.square())))
        moved.append(layers[-1].state_dict())
    y, again = (torch.cat(each) for each in zip(*outputs))
    (grad,) = torch.autograd.grad((y * weights).sum(), x, create_graph=True)
    ((y + again) * weights).sum().add(grad.square().sum()).backward()
    return dict(
        y=y.detach(),
        x_grad=x.grad,
        weight_grad=torch.stack([layer.weight.grad for layer in layers]).sum(0),
        bias_grad=torch.stack([layer.bias.grad for layer in layers]).sum(0),
        **{key: torch.stack([state[key].double() for state in moved]).mean(0) for key in SHARED},
    )


@pytest.mark.slow
@pytest.mark.parametrize('count', [2, 4])
@pytest.mark.parametrize('group', GROUPS)
def test_processes_normalise_groups_of_the_global_batch(count, group, cases, ended):
    results = [ended(count, f'layers{rank}') for rank in range(count)]
    for number, case in enumerate(cases):
        expected = of_plain_layers(case, group)
        ranks = [result[number][group] for result in results]
        tolerance = 1e-10 if case['x'].dtype == torch.float64 else 2e-3
        for key, value in expected.items():
            if key in SHARED:
                assert all(torch.equal(rank[key], ranks[0][key]) for rank in ranks)
                found = ranks[0][key]
            else:
                join = sum if key in SUMMED else torch.cat
                found = join([rank[key] for rank in ranks])
            torch.testing.assert_close(
                found.double(), value, rtol=tolerance, atol=tolerance, msg=f'{number} {key}'
            )


def difference(one: dict, other: dict) -> float:
    assert one.keys() == other.keys()
    return max((one[key] - other[key]).abs().max().item() for key in one)


@pytest.mark.slow
@pytest.mark.parametrize('count', [2, 4])
def test_processes_train_as_one_with_the_whole_batch_where_the_group_is_set(count, ended):
    one, several = ended(1, 'groups/end0'), ended(count, 'groups/end0')
    assert difference(one['state'], several['state']) < 1e-5
    assert difference(several['state'], ended(count, f'groups/end{count - 1}')['state']) == 0
    metrics = [run['evaluations'][-1]['metrics'] for run in (one, several)]
    assert metrics[0] == pytest.approx(metrics[1])
    # without groups the statistics are those of each process
    assert difference(ended(1, 'own/end0')['state'], ended(count, 'own/end0')['state']) > 1e-3


# ---- without processes ----


def test_batches_that_do_not_fit_the_groups_are_refused_before_training(build, tmp_path):
    runner = build(tmp_path, {'bn_group': 6})  # of 16 images of eight persons
    message = (
        r'bn_group is 6, but stage identity: train_dataloader\.identity has 16 images on each of '
        r'1 process\(es\); .* set bn_group=4'
    )
    with pytest.raises(ValueError, match=message):
        runner.train_loop  # noqa: B018


def test_the_top_level_key_reaches_every_batch_norm_of_a_model(build, tmp_path):
    model = build(tmp_path, {'bn_group': 4}).model
    plain = build(tmp_path).model
    groups = {
        getattr(m, 'bn_group', None) for m in model.modules() if isinstance(m, nn.BatchNorm2d)
    }
    assert groups == {4}
    assert list(model.state_dict()) == list(plain.state_dict())
    set_bn_group(plain, None)
    assert not [m for m in plain.modules() if hasattr(m, 'bn_group')]


@pytest.mark.parametrize(
    'line, message',
    [
        ("sync_bn = 'torch'", r"'sync_bn' has no effect here; bn_group=n takes batch-norm"),
        ('bn_grup = 16', r"unknown top-level key 'bn_grup': did you mean 'bn_group'"),
    ],
)
def test_other_names_of_the_key_are_refused(line, message, tmp_path):
    base = Path(__file__).with_name('gcl_tiny.py')
    (tmp_path / 'config.py').write_text(f"_base_ = ['{base}']\n{line}\n")
    with pytest.raises(ValueError, match=message):
        load_config(tmp_path / 'config.py')
