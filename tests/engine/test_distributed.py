import shutil
from pathlib import Path

import pytest
import torch
from one_process import train
from processes import finish, start

from reidgen.engine.ddp import SepDDP, leaves_parameters_unused
from reidgen.engine.embedding import embed_dataset
from reidgen.engine.stages import parse_stages

pytestmark = pytest.mark.slow

NETWORKS = dict(D=['D_s', 'D_t'], G=['G'], F=['F'], P=['E_p'])
# Adam divides by the size of the gradient: where that is rounding, it shows rounding at full size
SGD = {
    f'optim_wrapper.{name}': dict(_delete_=True, networks=networks, type='SGD', lr=1e-3)
    for name, networks in NETWORKS.items()
}
PAIR = dict(iters=3, phases=['D', 'G'], loaders=['source', 'target'])
GENERATORS = dict(PAIR, name='generators', frozen=['E_c'], loss_weights=dict(memory=0))
JOINT = dict(PAIR, name='joint')


def start_jobs(count: int, folder: Path, jobs: list) -> dict[int, Path]:
    """Processes that run jobs (name, options) one after another, four images a step in all."""
    sizes = {f'train_dataloader.{loader}.batch_size': 4 // count for loader in ('source', 'target')}

    def work(rank: int) -> None:
        for name, options in jobs:
            resumed = '_resumed' if 'resume' in options else ''
            (folder / name).mkdir(parents=True, exist_ok=True)
            train(folder / name, folder / name / f'end{rank}{resumed}.pth', options | sizes)

    return start(count, work, folder)


ONE_ITERATION = {'train_cfg.stages': [dict(JOINT, iters=1, eval_every=1)]}
FROZEN = {'model.bn_mode': 'frozen', **SGD}
CASES = dict(
    generators={'train_cfg.stages': [dict(GENERATORS, eval_every=3)], **FROZEN},
    joint={'train_cfg.stages': [dict(JOINT, eval_every=3)], **FROZEN},
    # of E_c, which is called six times; one iteration, as batch norm over few images blows up what
    # rounding leaves
    groups_on_both={**ONE_ITERATION, 'bn_group': 4, **SGD},
    groups_on_one={**ONE_ITERATION, 'bn_group': 2, **SGD},
    no_memory={
        'train_cfg.stages': [dict(JOINT, eval_every=3, loss_weights=dict(memory=0))],
        **FROZEN,
    },
)
IDENTITY = dict(name='identity', iters=2, phases=['I'], loaders=['identity'], eval_every=2)
TWO_STAGES = {
    'train_cfg.stages': [IDENTITY, dict(JOINT, iters=2)],
    'train_dataloader.identity.batch_size': 8,
    'train_dataloader.identity.sampler.num_identities': 2,
}


@pytest.fixture(scope='module')
def ended(tmp_path_factory):
    """Final weights and evaluations by (number of processes, case, rank)."""
    folder = tmp_path_factory.mktemp('processes')
    one = start_jobs(1, folder / '1', list(CASES.items()))
    longer = TWO_STAGES | {'train_cfg.stages': [IDENTITY, dict(JOINT, iters=4)]}
    two = start_jobs(
        2, folder / '2', [*CASES.items(), ('straight', longer), ('two_stages', TWO_STAGES)]
    )
    finish(one | two)
    shutil.copytree(folder / '2/two_stages', folder / '1/two_stages')
    finish(
        start_jobs(1, folder / '1', [('two_stages', longer | dict(resume=True))])
        | start_jobs(2, folder / '2', [('two_stages', longer | dict(resume=True))])
    )

    def load(count: int, name: str, rank: int = 0) -> dict:
        return torch.load(
            folder / str(count) / name.partition('+')[0] / f'end{rank}{name.partition("+")[2]}.pth',
            weights_only=True,
        )

    load.folder = folder
    return load


def assert_equal(one: dict, other: dict, atol: float) -> None:
    assert one.keys() == other.keys()
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=atol, msg=key)


@pytest.mark.parametrize('case', CASES)
def test_two_processes_with_half_the_batch_are_one_with_all_of_it(case, ended):
    one, first, second = ended(1, case), ended(2, case), ended(2, case, rank=1)
    assert_equal(first['state'], second['state'], atol=0)
    assert_equal(one['state'], first['state'], atol=2e-6)
    assert first['evaluations'] == second['evaluations']
    metrics = [row['metrics'] for row in (*one['evaluations'], *first['evaluations'])]
    assert metrics[0] == pytest.approx(metrics[1])


def test_processes_share_the_batch_norm_statistics_of_their_own_batches(ended):
    first, second = ended(2, 'straight'), ended(2, 'straight', rank=1)
    assert_equal(first['state'], second['state'], atol=0)
    assert first['evaluations'] == second['evaluations']


def test_two_processes_resume_bit_for_bit(ended):
    straight = ended(2, 'straight')
    for rank in (0, 1):
        assert_equal(ended(2, 'two_stages+_resumed', rank)['state'], straight['state'], atol=0)


def test_one_process_resumes_what_two_have_saved(ended):
    saved = torch.load(ended.folder / '1/two_stages/stage_identity.pth', weights_only=True)
    assert not [key for key in saved['state_dict'] if 'module.' in key]
    # two further iterations with batch statistics of the whole batch instead of halves
    one, two = ended(1, 'two_stages+_resumed')['state'], ended(2, 'two_stages+_resumed')['state']
    assert_equal(
        {k: v for k, v in one.items() if k.startswith('D_')},
        {k: v for k, v in two.items() if k.startswith('D_')},
        atol=1e-3,
    )


# ---- without processes ----


@pytest.mark.parametrize(
    'stage,needed',
    [
        (GENERATORS, False),  # E_c does not train
        (JOINT, False),
        (dict(JOINT, loss_weights=dict(memory=0)), True),  # nothing reaches its embedding
        (dict(name='identity', iters=1, phases=['I']), False),
        (dict(name='identity', iters=1, phases=['I'], loss_weights=dict(identity=0)), True),
        (dict(name='discriminators', iters=1, phases=['D'], loss_weights=dict(memory=0)), False),
    ],
)
def test_unused_parameters_are_looked_for_only_where_the_encoder_trains_without_a_loss(
    stage, needed, build, tmp_path
):
    assert leaves_parameters_unused(build(tmp_path).model, parse_stages([stage])) is needed


class Pictures(list):
    """A data set of numbers."""

    def plain(self):
        return self


class Embedder(torch.nn.Module):
    """Embeds a number as itself and its square."""

    def val_step(self, batch):
        return torch.stack([batch, batch**2], dim=1)


@pytest.mark.parametrize('count', [1, 4])
def test_processes_without_an_image_of_their_own_embed_the_data_set_too(count, tmp_path):
    pictures = Pictures(torch.arange(count).float())

    def work(rank: int) -> None:
        torch.save(embed_dataset(Embedder(), pictures), tmp_path / f'{rank}.pth')

    finish(start(3, work, tmp_path))
    for rank in range(3):
        expected = [[number, number**2] for number in range(count)]
        assert torch.load(tmp_path / f'{rank}.pth').tolist() == expected


def test_a_parameter_of_the_model_itself_is_refused():
    model = torch.nn.Module()
    model.scale = torch.nn.Parameter(torch.ones(1))
    with pytest.raises(ValueError, match=r"parameters \['scale'\] belong to the model itself"):
        SepDDP(model)
