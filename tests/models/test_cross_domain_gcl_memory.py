"""CrossDomainGCL: what the memory is asked and told."""

from math import exp, log

import torch
import torch.multiprocessing as mp
from torch import distributed

from reidgen.engine import run_phases
from reidgen.memory import FeatureBank

STAGE_2 = dict(name='generators', phases=['D', 'G'], frozen=['E_c'], loss_weights={'memory': 0})
STAGE_3 = dict(name='joint', phases=['D', 'G'])
BOTH = dict(bank_t=dict(num_samples=10, dim=8, momentum=0.5), memory_directions=('s2t', 't2s'))


def test_only_rows_of_the_source_batch_are_written_after_a_joint_iteration(
    build_toy, toy_batch, toy_optim
):
    model, batch, codes = build_toy(), toy_batch(), []
    model.enter_stage(**STAGE_3)
    old = model.bank.features.clone()
    model.E_c.register_forward_hook(lambda _, args, code: codes.append((args[0], code.embedding)))
    run_phases(model, batch, toy_optim(model), 0, 0)
    v_s = next(embedding for img, embedding in codes if img is batch.source.img).detach()
    expected = old.clone()
    for row, v in zip(batch.source.index.tolist(), v_s):
        blend = 0.2 * old[row] + 0.8 * v / v.norm()
        expected[row] = blend / blend.norm()
    torch.testing.assert_close(model.bank.features, expected)
    assert batch.source.index.tolist() == [1, 4, 7]
    changed = (model.bank.features != old).any(1).nonzero().flatten()
    assert changed.tolist() == [1, 4, 7]


def test_the_memory_rests_while_the_generators_warm_up(build_toy, toy_batch, toy_optim):
    model = build_toy()
    model.enter_stage(**STAGE_2)
    old = model.bank.features.clone()
    logs = run_phases(model, toy_batch(), toy_optim(model), 0, 0)
    assert torch.equal(model.bank.features, old)
    assert not model.remembers()
    assert not [key for key in logs if 'memory' in key]


def test_positives_of_the_memory_loss_are_images_of_the_same_person(build_toy):
    model = build_toy()
    person = torch.arange(10) // 2
    model.bank.fill(torch.eye(8)[person], person)  # all images of a person look alike
    index = torch.tensor([0, 3, 9])
    u = torch.eye(8)[person[index]]
    # three positives at cosine 1 and four negatives at cosine 0, temperature 0.04; a positive of
    # another person would cost 25 more
    expected = torch.tensor(3 * log(1 + 4 * exp(-25)))
    for iteration in range(30):
        model.draws.begin(iteration)
        loss = model.contrast(model.bank, u, u, index, model.draws)
        torch.testing.assert_close(loss, expected, atol=1e-5, rtol=0)


def test_both_directions_write_the_bank_of_their_own_images(build_toy, toy_batch, toy_optim):
    model, batch = build_toy(**BOTH), toy_batch()
    batch = batch._replace(target=batch.target._replace(index=torch.tensor([0, 2, 9])))
    model.enter_stage(**STAGE_3)
    old = model.bank.features.clone(), model.bank_t.features.clone()
    logs = run_phases(model, batch, toy_optim(model), 0, 0)
    changed = [
        (bank.features != before).any(1).nonzero().flatten().tolist()
        for bank, before in zip((model.bank, model.bank_t), old)
    ]
    assert changed == [[1, 4, 7], [0, 2, 9]]
    assert {'G/loss_memory.s2t', 'G/loss_memory.t2s'} <= set(logs)


def test_outliers_of_the_target_take_no_part_in_its_memory_loss(build_toy, toy_batch):
    model, batch = build_toy(**BOTH | dict(memory_directions=('t2s',))), toy_batch()
    model.bank_t.labels[4] = -1  # the second image of the batch
    model.enter_stage(**STAGE_3)
    x = model.translate(batch)
    losses = model.generator_losses(batch, x)
    assert [name for name in losses if name.startswith('memory')] == ['memory.t2s']
    embeddings = x.c_t.embedding, x.c_t2s.embedding
    for slope in torch.autograd.grad(losses['memory.t2s'], embeddings):
        assert slope.any(dim=1).tolist() == [True, False, True]


def test_a_batch_of_outliers_alone_costs_nothing(build_toy, toy_batch):
    model, batch = build_toy(**BOTH), toy_batch()
    model.bank_t.labels[[1, 4, 7]] = -1
    model.enter_stage(**STAGE_3)
    assert model.generator_losses(batch, model.translate(batch))['memory.t2s'] == 0


def update_as_rank(rank: int, folder: str) -> None:
    """One of two processes, with half of the batch each."""
    store = f'file://{folder}/store'
    distributed.init_process_group('gloo', init_method=store, rank=rank, world_size=2)
    bank = filled_bank()
    index, embedding = whole_batch()
    bank.update(index[2 * rank : 2 * rank + 2], embedding[2 * rank : 2 * rank + 2])
    torch.save(bank.features, f'{folder}/{rank}.pt')
    distributed.destroy_process_group()


def filled_bank() -> FeatureBank:
    bank = FeatureBank(6, 3)
    bank.fill(torch.arange(18.0).view(6, 3) - 7.5, torch.arange(6))
    return bank


def whole_batch() -> tuple[torch.Tensor, torch.Tensor]:
    embedding = [[1.0, 2, 3], [0, 1, -1], [2, 2, 0], [1, 0, 4]]
    return torch.tensor([5, 2, 0, 3]), torch.tensor(embedding)


def test_two_processes_write_the_rows_of_both(tmp_path):
    mp.start_processes(update_as_rank, (str(tmp_path),), nprocs=2, start_method='fork')
    bank = filled_bank()
    bank.update(*whole_batch())
    for rank in range(2):
        assert torch.equal(torch.load(tmp_path / f'{rank}.pt'), bank.features)
