"""CrossDomainGCL: memory losses and updates of the feature banks."""

from collections import namedtuple
from math import exp, log

import pytest
import torch
import torch.multiprocessing as mp
from torch import distributed

from reidgen.engine import run_phases
from reidgen.engine.stages import Stage
from reidgen.memory import FeatureBank

STAGE_2 = dict(name='generators', phases=['D', 'G'], frozen=['E_c'], loss_weights={'memory': 0})
STAGE_3 = dict(name='joint', phases=['D', 'G'])
BOTH = dict(bank_t=dict(num_samples=10, dim=8, momentum=0.5), loss_weights=dict(memory_t=1))


@pytest.mark.slow
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
    assert not model.active_banks()
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
        model.rng.begin(iteration)
        loss = model.contrast(model.bank, u, u, index, rng=model.rng)
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
    assert {'G/loss_memory.s2t', 'G/loss_memory_t.t2s'} <= set(logs)


def test_outliers_of_the_target_take_no_part_in_its_memory_loss(build_toy, toy_batch):
    model, batch = build_toy(**BOTH), toy_batch()
    model.bank_t.labels[4] = -1  # the second image of the batch
    model.enter_stage(**STAGE_3)
    x = model.forward_translation(batch)
    losses = model.generator_losses(batch, x)
    embeddings = x.c_t.embedding, x.c_t2s.embedding
    for slope in torch.autograd.grad(losses['memory_t.t2s'], embeddings):
        assert slope.any(dim=1).tolist() == [True, False, True]


def test_a_batch_of_outliers_alone_costs_nothing(build_toy, toy_batch):
    model, batch = build_toy(**BOTH), toy_batch()
    model.bank_t.labels[[1, 4, 7]] = -1
    model.enter_stage(**STAGE_3)
    assert model.generator_losses(batch, model.forward_translation(batch))['memory_t.t2s'] == 0


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


# ---- memory without a generator in the graph ----


def test_the_control_contrasts_the_image_with_itself(build_toy, toy_batch, gradients):
    model, batch = build_toy(), toy_batch()
    model.enter_stage('control', ['M'])
    model.eval()
    model.rng.begin(0)
    terms = model.control_losses(batch, model.embed_source(batch))
    model.rng.begin(0)
    v = model.E_c(batch.source.img).embedding
    expected = model.contrast(model.bank, v, v, batch.source.index, rng=model.rng)
    assert terms.keys() == {'memory.s'}
    torch.testing.assert_close(terms['memory.s'], expected)
    assert gradients(model, terms['memory.s']) == {'E_c'}


def clusters_of(batch):
    return namedtuple('Batch', ['clusters'])(batch.target)


def test_each_memory_phase_writes_the_rows_of_its_batch_in_its_own_bank(build_toy, toy_batch):
    model = build_toy(bank_t=dict(num_samples=10, dim=8))
    for phase, field, bank, other, batch in (
        ('M', 'source', 'bank', 'bank_t', toy_batch()),
        ('T', 'clusters', 'bank_t', 'bank', clusters_of(toy_batch())),
    ):
        model.enter_stage('memory', [phase])
        assert model.active_banks() == {bank: field}
        before = {name: getattr(model, name).features.clone() for name in (bank, other)}
        model.update_memory(batch, model.stage_phases[0].forward(batch), {})
        changed = (getattr(model, bank).features != before[bank]).any(1).nonzero().flatten()
        assert changed.tolist() == [1, 4, 7]
        assert torch.equal(getattr(model, other).features, before[other])


def test_cluster_loss_reaches_the_encoder_alone(build_toy, toy_batch, gradients):
    model = build_toy(bank_t=dict(num_samples=10, dim=8), loss_weights=dict(cluster=1))
    model.enter_stage('clusters', ['T'])
    batch = clusters_of(toy_batch())
    terms = model.cluster_losses(batch, model.embed_clusters(batch))
    assert gradients(model, terms['cluster.t']) == {'E_c'}


def test_phases_that_share_different_forwards_are_refused_in_one_stage(build_toy):
    with pytest.raises(
        ValueError, match=r'\(embed_source, forward_translation\); name phases of one'
    ):
        build_toy().enter_stage('both', ['G', 'M'])


def test_phase_t_without_its_bank_is_refused_before_training(build_toy):
    stage = Stage('clusters', 1, phases=('T',), loaders=('clusters',))
    with pytest.raises(ValueError, match=r'stage clusters: phase T needs model\.bank_t'):
        build_toy().check_data({}, {}, [stage])
