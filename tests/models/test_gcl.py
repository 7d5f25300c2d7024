"""GCL: views, what each phase moves, its memory and its control."""

from collections import Counter
from pathlib import Path

import pytest
import torch
import torch.nn.functional as nnf
from gcl_views import Batch, slopes
from mmengine.config import Config
from perfect_generator import LinearCode, Oracle

from reidgen.engine import run_phases
from reidgen.models.gcl import Pair, generated
from reidgen.registry import MODELS
from reidgen.structures import Code, DomainBatch, TwoViewBatch

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'gcl_market.py'
STAGE_2 = dict(name='generators', phases=['D', 'G'], frozen=['E_c'], loss_weights={'memory': 0})
STAGE_R = dict(name='decoder', phases=['R'], frozen=['E_c'], loss_weights={'memory': 0})
STAGE_3 = dict(name='joint', phases=['D', 'G'])
STAGE_M = dict(name='control', phases=['M'])


# ---- shapes and sizes ----


@pytest.mark.slow
def test_the_published_networks_have_the_published_sizes_and_shapes(toy_batch):
    cfg = Config.fromfile(CONFIG).model
    cfg.networks.E_c.weights = None
    with torch.device('meta'):
        model = MODELS.build(cfg)
        maps, rows = torch.empty(2, 1, 256, 128), torch.zeros(2, dtype=torch.int64)
        target = DomainBatch(torch.empty(2, 3, 256, 128), maps, maps, rows, rows, rows)
        x = model.forward_views(Batch(target))
    count = {
        name: sum(parameter.numel() for parameter in getattr(model, name).parameters())
        for name in model.network_names
    }
    # torchvision's ResNet-50 without its classifier, Linear 2048 -> 512, BatchNorm1d
    encoder = 25_557_032 - 2_049_000 + 2048 * 512 + 512 + 2 * 512
    assert count == dict(D=1_025_571, G=1_455_555 + 11_544_576, E_p=380_544, E_c=encoder)
    for value in x:
        if isinstance(value, Code):
            assert (value.content.shape, value.embedding.shape) == ((2, 8192), (2, 512))
        else:
            assert value.shape == (2, 3, 256, 128)
    shapes = [tuple(logits.shape) for logits in model.D(target.img)]
    assert shapes == [(2, 1, 64, 32), (2, 1, 32, 16), (2, 1, 16, 8)]


# ---- the forward ----


def test_the_own_mesh_makes_reconstruction_and_cycle_and_the_turned_mesh_the_novel_view(
    build_gcl, batch
):
    model = build_gcl().eval()
    t = batch.target
    maps = dict(m=t.pose_map.clone().requires_grad_(), nv=t.novel_map.clone().requires_grad_())
    x = model.forward_views(Batch(t._replace(pose_map=maps['m'], novel_map=maps['nv'])))
    probe = torch.randn(3, 3, 32, 16)
    behind = {
        name: set(slopes((image * probe).sum(), maps)) for name, image in generated(x).items()
    }
    assert behind == dict(recon={'m'}, nv={'nv'}, cyc={'m', 'nv'})
    assert torch.equal(x.x_cyc, model.G(model.E_p(t.pose_map), model.E_c(x.x_nv).content))


def test_an_iteration_evaluates_each_network_once_for_all_losses(build_gcl, batch, toy_optim):
    model, count = build_gcl(), Counter()
    model.enter_stage(**STAGE_3)
    for name in model.network_names:
        getattr(model, name).register_forward_hook(lambda *_, name=name: count.update([name]))
    run_phases(model, batch, toy_optim(model), 0, 0)
    # D: real and generated for each of three images, R1 once, the generated ones after its step
    assert count == dict(E_c=4, E_p=2, G=3, D=3 * 2 + 1 + 3)


def test_heads_beside_the_decoder_translate_as_its_own_would(build_gcl, batch, toy_optim):
    own = build_gcl()
    heads = dict(type='AdaINHeads', content_dim=32, base_dim=8, head_dim=8)
    shared = build_gcl(
        networks=dict(G=dict(type='AdaINDecoder', base_dim=8, own_heads=False), mlp=heads)
    )
    own_state = own.state_dict()
    state = {key: own_state[key.replace('mlp.', 'G.heads.')] for key in shared.state_dict()}
    shared.load_state_dict(state)
    for one, other in zip(
        generated(own.forward_views(batch)).values(),
        generated(shared.forward_views(batch)).values(),
    ):
        assert torch.equal(one, other)
    shared.enter_stage(**STAGE_2)
    before = shared.mlp.weights[0][0].weight.clone()
    run_phases(shared, batch, toy_optim(shared), 0, 0)
    assert not torch.equal(shared.mlp.weights[0][0].weight, before)


@pytest.mark.parametrize('bn_mode', ['mixed', 'real_only', 'frozen'])
def test_running_statistics_follow_the_images_that_bn_mode_names(build_gcl, batch, bn_mode):
    model, alone = build_gcl(bn_mode=bn_mode), build_gcl()
    start = alone.E_c.trunk[1].running_mean.clone()
    model.forward_views(batch)
    alone.E_c(batch.target.img)
    after = model.E_c.trunk[1].running_mean
    assert torch.equal(after, alone.E_c.trunk[1].running_mean) is (bn_mode == 'real_only')
    assert torch.equal(after, start) is (bn_mode == 'frozen')


# ---- gradients and moves ----

GENERATOR_TERMS = ['adv.recon', 'adv.nv', 'adv.cyc', 'recon.x', 'cycle.x']
GENERATOR_TERMS += ['content.recon', 'content.cyc']


@pytest.mark.parametrize(
    'stage, encoder, terms',
    [(STAGE_2, set(), GENERATOR_TERMS), (STAGE_3, {'E_c'}, [*GENERATOR_TERMS, 'memory.nv'])],
    ids=['generators', 'joint'],
)
def test_each_generator_term_moves_decoder_and_poses_and_the_encoder_in_the_joint_stage(
    build_gcl, batch, gradients, stage, encoder, terms
):
    model = build_gcl()
    model.enter_stage(**stage)
    model.train_only(model.network_names)
    x = model.forward_views(batch)
    model.train_only(('G', 'E_p', 'E_c'))
    losses = model.generator_losses(batch, x)
    reached = {name: gradients(model, term) for name, term in losses.items()}
    assert reached == {name: {'G', 'E_p'} | encoder for name in terms}


@pytest.mark.parametrize(
    'stage, moves',
    [
        (STAGE_R, {'G', 'E_p'}),
        (STAGE_2, {'D', 'G', 'E_p'}),
        (STAGE_3, {'D', 'G', 'E_p', 'E_c', 'bank'}),
        (STAGE_M, {'E_c', 'bank'}),
    ],
    ids=lambda value: value['name'] if isinstance(value, dict) else '',
)
def test_a_stage_moves_its_networks_alone_and_not_a_bit_of_the_others(
    build_gcl, batch, toy_optim, stage, moves
):
    model = build_gcl()
    model.enter_stage(**stage)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optim = toy_optim(model)
    for iteration in range(2):
        model.train()  # as a loop does after each evaluation
        run_phases(model, batch, optim, iteration, iteration)
    after = model.state_dict()
    changed = {key.partition('.')[0] for key in before if not torch.equal(before[key], after[key])}
    assert changed == moves  # of the encoder the statistics of its batch norms, too


def test_reconstruction_alone_is_the_term_of_the_generators_phase(build_gcl, batch):
    model = build_gcl()
    model.enter_stage(**STAGE_R)
    alone = model.reconstruction_losses(batch, model.reconstruct(batch))
    assert alone.keys() == {'recon.x'}
    expected = model.generator_losses(batch, model.forward_views(batch))['recon.x']
    torch.testing.assert_close(alone['recon.x'], expected)


def test_phases_name_the_networks_that_they_move(build_gcl):
    trains = {phase.name: set(phase.trains) for phase in build_gcl().phases()}
    assert trains == dict(D={'D'}, G={'G', 'E_p', 'E_c'}, R={'G', 'E_p'}, M={'E_c'})


def test_rows_of_the_batch_are_written_after_the_last_backward(build_gcl, batch, toy_optim):
    model, codes = build_gcl(), []
    model.enter_stage(**STAGE_3)
    old = model.bank.features.clone()
    model.E_c.register_forward_hook(lambda _, args, code: codes.append((args[0], code.embedding)))
    run_phases(model, batch, toy_optim(model), 0, 0)
    v = next(embedding for img, embedding in codes if img is batch.target.img).detach()
    expected = old.clone()
    for row, own in zip([1, 4, 7], v):
        blend = 0.2 * old[row] + 0.8 * own / own.norm()
        expected[row] = blend / blend.norm()
    torch.testing.assert_close(model.bank.features, expected)
    torch.testing.assert_close(model.bank.features.norm(dim=1), torch.ones(10))


# ---- the control without a generator ----


def second_of(t: DomainBatch) -> TwoViewBatch:
    second = torch.randn(t.img.shape, generator=torch.Generator().manual_seed(9))
    return TwoViewBatch(t.img, second, t.pid, t.camid, t.index)


def test_the_control_contrasts_the_second_view_of_the_loader_or_the_image_again(build_gcl, batch):
    model, two = build_gcl(), second_of(batch.target)
    model.eval()
    again, other = model.embed_pair(batch), model.embed_pair(Batch(two))
    v = model.E_c(batch.target.img).embedding
    torch.testing.assert_close(again, Pair(v, v))
    torch.testing.assert_close(other, Pair(v, model.E_c(two.second).embedding))
    model.rng.begin(0)
    terms = model.control_losses(Batch(two), other)
    model.rng.begin(0)
    expected = model.contrast(model.bank, *other, two.index, rng=model.rng)
    assert terms.keys() == {'memory.m'}
    torch.testing.assert_close(terms['memory.m'], expected)


def test_the_control_writes_the_first_view(build_gcl, batch):
    model = build_gcl()
    model.enter_stage(**STAGE_M)
    old, x = model.bank.features.clone(), Pair(torch.eye(8)[:3], torch.eye(8)[3:6])
    model.update_memory(batch, x, {})
    changed = (model.bank.features != old).any(1).nonzero().flatten()
    assert changed.tolist() == [1, 4, 7]
    blend = 0.2 * old[4] + 0.8 * torch.eye(8)[1]
    torch.testing.assert_close(model.bank.features[4], blend / blend.norm())


# ---- a perfect generator, translation, evaluation ----


def test_a_generator_of_the_image_itself_pays_the_discriminator_alone(build_gcl, batch):
    model = build_gcl()
    model.E_c, model.G = LinearCode(), Oracle()
    model.enter_stage(**STAGE_2)
    terms = model.generator_losses(batch, model.forward_views(batch))
    others = {name: term.item() for name, term in terms.items() if not name.startswith('adv.')}
    assert set(others.values()) == {0.0}
    assert len(others) == 4


def test_translations_are_the_reconstruction_and_the_novel_view(build_gcl, batch):
    model = build_gcl().eval()
    x = model.forward_views(batch)
    assert torch.equal(model.translate(batch.target, 'recon'), x.x_recon)
    assert torch.equal(model.translate(batch.target, 'nv'), x.x_nv)
    with pytest.raises(ValueError, match="is 'target'; choose one of recon, nv"):
        model.translate(batch.target, 'target')
    titles = [title for title, _ in model.visuals(batch)]
    assert titles == ['x', 'm', 'x_recon', 'm_nv', 'x_nv', 'x_cyc']


def test_features_for_retrieval_have_unit_length(build_gcl, batch):
    model = build_gcl().eval()
    embedding = model.E_c(batch.target.img).embedding
    torch.testing.assert_close(model(batch.target), nnf.normalize(embedding))
