"""Copies of the target's images in the styles of its other cameras, and phase K that uses them."""

from collections import namedtuple
from types import SimpleNamespace

import pytest
import torch

from projects.gcl_camera.gcl_camera import CameraColourTransfer, ProxyGCL
from projects.gcl_camera.gcl_camera.model import style_cameras
from projects.gcl_camera.gcl_camera.networks import CameraStructure
from projects.gcl_camera.gcl_camera.translate_positives import TranslatePositivesHook
from projects.gcl_camera.gcl_camera.translators import OwnDomainTranslator
from reidgen.engine import OptimizerPerGroup, run_phases
from reidgen.structures import DomainBatch

NUM_ROWS, SIZE = 10, (32, 16)
CLUSTERS, CAMIDS = torch.arange(NUM_ROWS) // 3 - 1, torch.arange(NUM_ROWS) % 2
Batch = namedtuple('Batch', ['copies'])
Copies = namedtuple('Copies', ['img', 'second', 'index'])


# ---- styles ----


def test_other_cameras_of_the_own_domain_are_each_taken_once_and_the_own_one_never():
    camid = torch.tensor([0, 2, 3, 1])
    batch = SimpleNamespace(camid=camid, index=torch.tensor([7, 8, 9, 10]))
    styles = torch.stack([style_cameras(batch, style, 4, own=True) for style in range(3)])
    for own, others in zip(camid.tolist(), styles.t().tolist()):
        assert sorted([own, *others]) == [0, 1, 2, 3]


def test_images_of_the_target_are_decoded_by_G_in_their_own_colours_and_another_style(
    build_toy, toy_batch
):
    model = build_toy(num_source=2, num_target=3).eval()
    target = toy_batch(target=[0, 1, 2]).target
    with torch.no_grad():
        copies = model.translate(target, 'target', style=1, origin='target')
        pose = CameraStructure(*model.E_p(target.pose_map), 2 + target.camid)
        content = model.E_c(target.img).content
        expected = model.G(pose, content, torch.tensor([2, 0, 1]))
        assert torch.equal(copies, expected)
        assert not torch.equal(copies, model.G(pose, content, target.camid))


def test_the_translator_of_the_own_domain_writes_what_the_model_translates(build_toy, toy_batch):
    model = build_toy(num_source=3, num_target=3)
    target = toy_batch(target=[0, 1, 2]).target
    pixels = torch.arange(3 * 3 * SIZE[0] * SIZE[1]).view(3, 3, *SIZE) % 256
    maps = torch.randint(256, (2, 3, 4, *SIZE), dtype=torch.uint8)
    raw = DomainBatch(pixels.byte(), *maps, target.pid, target.camid, target.index)
    pictures = OwnDomainTranslator(model, 'target')(raw, 0)
    assert pictures.shape == (3, *SIZE, 3)
    assert pictures.dtype == torch.uint8
    assert model.training
    with torch.no_grad():
        batch = model.eval().data_preprocessor(raw)
        away = model.translate(batch, 'target', 0, origin='target')
        to_other = model.translate(batch, 'target', 0)
    shift, scale = model.data_preprocessor.shift, model.data_preprocessor.scale
    expected = ((away + shift) / scale).round().clamp(0, 255)
    assert torch.equal(pictures.permute(0, 3, 1, 2), expected.byte())
    assert not torch.equal(away, to_other)


def test_colours_in_closed_form_are_those_of_the_camera_after_the_own_one(figures):
    dataset = figures(num_identities=6, images_per_identity=4).plain(maps=True)
    number = int(dataset.camids.max()) + 1
    colours = CameraColourTransfer(dataset, dataset, number, own=True)
    item = dataset[0]
    raw = SimpleNamespace(
        img=item.img[None], camid=torch.tensor([item.camid]), index=torch.tensor([0])
    )
    others = (torch.tensor([item.camid]) + 1) % number
    expected = colours.transfer(raw.img, raw.camid, others)
    assert torch.equal(colours(raw, 0), expected.round().byte().permute(0, 2, 3, 1))
    assert colours.stamp['own'] is True


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(images='target', backgrounds='target'), 'keep their backgrounds; leave'),
        (dict(images='target', translator='none'), 'without backgrounds'),
    ],
)
def test_copies_before_other_backgrounds_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TranslatePositivesHook(**options)


def test_more_styles_than_other_cameras_are_refused_before_training(build_toy):
    hook = TranslatePositivesHook(images='target', num_styles=3)
    with pytest.raises(ValueError, match=r'num_styles is 3, .* by 2 other cameras'):
        hook._check_model(None, build_toy(num_target=3))


# ---- phase K ----


@pytest.fixture
def model(build_toy) -> ProxyGCL:
    """With clusters of rows 3 to 5, 6 to 8 and 9, over two cameras."""
    model = build_toy(
        kind=ProxyGCL,
        proxies=dict(type='ProxyContrast', temperature=0.07, same_camera=True),
        inter=dict(type='InterCameraContrast', temperature=0.07),
        bank_t=dict(type='CentroidBank', num_samples=NUM_ROWS, dim=8, per_camera=True),
        loss_weights=dict(inter=0.25, cluster=0.5),
    )
    model.bank_t.fill(torch.randn(NUM_ROWS, 8), model.bank_t.labels)
    model.bank_t.set_labels(CLUSTERS, CAMIDS)
    model.enter_stage('copies', phases=('K',))
    return model


@pytest.fixture
def batch() -> Batch:
    rng = torch.Generator().manual_seed(0)
    img, second = (torch.randn(4, 3, *SIZE, generator=rng) for _ in range(2))
    return Batch(Copies(img, second, torch.tensor([3, 4, 8, 9])))


def step(model: ProxyGCL, batch: Batch) -> dict[str, torch.Tensor]:
    group = dict(networks=['E_c'], phases=['K'], type='SGD', lr=0.1)
    return run_phases(model, batch, OptimizerPerGroup(dict(T=group))(model), iteration=0, done=0)


def test_images_and_copies_move_the_encoder_and_the_centroids_alone(model, batch):
    old = {key: value.clone() for key, value in model.state_dict().items()}
    logs = step(model, batch)
    new = model.state_dict()
    moved = {key for key in old if not torch.equal(new[key], old[key])}
    assert {key.partition('.')[0] for key in moved} == {'E_c', 'bank_t'}
    assert {key for key in moved if key[:4] == 'bank'} == {'bank_t.centroids'}
    terms = {name: logs[f'K/loss_{name}'] for name in ('cluster.t', 'cluster.copy')}
    inter = logs['K/loss_inter.t'] + logs['K/loss_inter.copy']
    torch.testing.assert_close(logs['K/loss'], 0.5 * sum(terms.values()) + 0.25 * inter)


def test_a_copy_has_the_proxies_of_its_image_and_the_centroids_follow_images_alone(model, batch):
    x = model.embed_copies(batch)
    terms = model.copy_losses(batch, x)
    index = batch.copies.index
    assert torch.equal(terms['cluster.copy'], model.proxies(model.bank_t, x.v_positive, index))
    assert torch.equal(terms['cluster.t'], model.proxies(model.bank_t, x.v, index))
    assert not torch.equal(terms['cluster.copy'], terms['cluster.t'])
    before = model.bank_t.centroids.clone()
    model.update_memory(batch, x, {})
    moved = model.bank_t.centroids.clone()
    model.bank_t.centroids.copy_(before)
    model.bank_t.update(index, x.v.detach())
    assert torch.equal(model.bank_t.centroids, moved)
