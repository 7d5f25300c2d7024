"""Discriminators that see heads alone, and colours that depend on the camera of the picture."""

import pytest
import torch

from reidgen.models.judged import HeadCrops, judged
from reidgen.registry import build_network

DECODER = dict(type='StripeAdaINDecoder', content_dim=32, base_dim=8, num_res_blocks=1)
CRITIC = dict(type='StridedDiscriminator', base_dim=4, num_downsample=2)
OWN = DECODER | dict(num_cameras=2, residual=True, num_own_cameras=4)
OWN_CAMERAS = dict(
    camera_styles=True,
    networks=dict(
        G=OWN,
        F=OWN,
        D_s=CRITIC | dict(num_cameras=2),
        D_t=CRITIC | dict(num_cameras=2),
        E_p=dict(type='StructureEncoder', in_channels=4, out_dim=8),
    ),
)


def body_map(rows: slice, height: int = 40) -> torch.Tensor:
    """(1, 1, height, 20): a body in columns 8 to 11 of these rows."""
    pose_map = torch.full((1, 1, height, 20), -1.0)
    pose_map[:, :, rows, 8:12] = 1.0
    return pose_map


def test_a_head_is_the_top_of_the_body_as_wide_as_it_is_there():
    body = body_map(slice(10, 30))
    body[:, :, 20:25, 2:18] = 1.0  # arms
    boxes = HeadCrops(head=0.25).boxes((body > 0).float())
    assert boxes.tolist() == [[8, 10, 12, 15]]


def test_the_last_row_and_column_belong_to_a_body_at_the_border():
    body = torch.zeros(1, 1, 40, 20)
    body[:, :, 36:, 16:] = 1.0
    assert HeadCrops(head=1.0).boxes(body).tolist() == [[16, 36, 20, 40]]


def test_a_crop_is_the_head_enlarged_and_nothing_else():
    image = torch.full((1, 3, 40, 20), 5.0)
    image[:, 0, 10:15, 8:10] = 1.0  # left half of the head
    image[:, 0, 10:15, 10:12] = 2.0
    crop = HeadCrops(size=8, head=0.25)(image, body_map(slice(10, 30)))
    assert crop.shape == (1, 3, 8, 8)
    assert crop[0, 0, 2:6, 2].allclose(torch.tensor(1.0))
    assert crop[0, 0, 2:6, 5].allclose(torch.tensor(2.0))
    assert crop[0, 0, :7].max() <= 2.0  # the last row is half a pixel from the neck


def test_a_crop_of_an_empty_map_is_blank_and_finite():
    crop = HeadCrops()(torch.randn(2, 3, 40, 20), torch.full((2, 1, 40, 20), -1.0))
    assert torch.equal(crop, torch.zeros(2, 3, 32, 32))


def test_the_last_channel_shows_the_body():
    image, body = torch.randn(1, 3, 40, 20), body_map(slice(10, 30))
    both = torch.cat([torch.ones(1, 3, 40, 20), body], dim=1)
    assert torch.equal(HeadCrops()(image, both), HeadCrops()(image, body))


def test_real_and_painted_are_cut_alike_in_any_precision():
    body, image = body_map(slice(9, 33)), torch.randn(1, 3, 40, 20).bfloat16()
    assert torch.equal(HeadCrops()(image, body), HeadCrops()(image.float(), body))
    assert torch.equal(HeadCrops()(image, body.bfloat16()), HeadCrops()(image, body))


@pytest.mark.parametrize('options', [dict(head=0.0), dict(threshold=1.0), dict(size=0)])
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match='set size to 1 or more'):
        HeadCrops(**options)


def test_discriminators_and_generators_learn_from_heads_alone(build_toy, toy_batch):
    model, batch = build_toy(judge_heads=dict(head=0.25)), toy_batch()
    body = torch.full_like(batch.source.pose_map, -1.0)
    body[:, :, 8:24, 4:10] = 1.0
    batch = batch._replace(
        source=batch.source._replace(pose_map=body),
        target=batch.target._replace(pose_map=body),
    )
    model.enter_stage('generators', ['D', 'G'])
    x = model.forward_translation(batch)
    x = x._replace(x_s2t=x.x_s2t.detach().requires_grad_())
    pairs = {name: rest for name, *rest in judged(model, batch, x)}
    discriminator, real, translated = pairs['Dt']
    assert real.shape == translated.shape == (3, 3, 32, 32)
    sum(logits.sum() for logits in discriminator(translated)).backward()
    head = torch.zeros_like(x.x_s2t, dtype=torch.bool)
    head[:, :, 8:12, 4:10] = True
    reached = x.x_s2t.grad.abs()
    assert (reached[head] > 0).all()
    head[:, :, 7:13, 3:11] = True  # enlarging mixes in the pixels next to it
    assert reached[~head].max() == 0


@pytest.mark.parametrize('cross_pose', ['own', 'other', 'novel'])
def test_each_picture_is_cut_by_the_map_that_it_was_painted_from(build_toy, toy_batch, cross_pose):
    model = build_toy(judge_heads={}, adv_on=('cross', 'recon', 'cycle'), cross_pose=cross_pose)
    batch, maps = toy_batch(), {}
    for row, name in enumerate(('s', 't', 'novel_s', 'novel_t')):
        maps[name] = torch.full_like(batch.source.pose_map, -1.0)
        maps[name][:, :, 4 + 5 * row :, 2 + 3 * row : 5 + 3 * row] = 1.0
    batch = batch._replace(
        source=batch.source._replace(pose_map=maps['s'], novel_map=maps['novel_s']),
        target=batch.target._replace(pose_map=maps['t'], novel_map=maps['novel_t']),
    )
    model.enter_stage('generators', ['D', 'G'])
    x, see = model.forward_translation(batch), model.discriminators_see
    of_s, of_t = dict(own='st', other='ts', novel=('novel_s', 'novel_t'))[cross_pose]
    expected = dict(
        Ds=(batch.source.img, x.x_t2s, of_t),
        Dt=(batch.target.img, x.x_s2t, of_s),
        Ds_recon=(batch.source.img, x.x_s2s, 's'),
        Dt_recon=(batch.target.img, x.x_t2t, 't'),
        Ds_cycle=(batch.source.img, x.x_s2t2s, 's'),
        Dt_cycle=(batch.target.img, x.x_t2s2t, 't'),
    )
    pairs = {name: pair for name, _, *pair in judged(model, batch, x)}
    assert pairs.keys() == expected.keys()
    for name, (img, translation, by) in expected.items():
        real, translated = pairs[name]
        assert torch.equal(real, see(img, maps['s' if name.startswith('Ds') else 't'])), name
        assert torch.equal(translated, see(translation, maps[by])), name
        assert translated.abs().sum() > 0


def test_options_of_the_crops_that_there_are_not_are_told(build_toy):
    message = r"model\.judge_heads has no option \['sise'\]; known: size, head, threshold"
    with pytest.raises(ValueError, match=message):
        build_toy(judge_heads=dict(sise=3))


def test_each_camera_of_a_picture_learns_to_undo_itself():
    decoder = build_network(OWN)
    encoder = build_network(dict(type='StructureEncoder', in_channels=3, out_dim=8))
    pose = encoder(torch.rand(2, 3, 32, 16))._replace(camera=torch.tensor([3, 3]))
    decoder(pose, torch.randn(2, 32), torch.tensor([0, 1])).square().mean().backward()
    reached = decoder.colour.own_change.grad.flatten(1).abs().sum(1) > 0
    assert reached.tolist() == [False, False, False, True]


def test_cameras_of_the_target_are_counted_after_those_of_the_source(build_toy, toy_batch):
    batch = toy_batch()
    source, target = (each.pose_map.expand(-1, 4, -1, -1) for each in batch)
    batch = batch._replace(
        source=batch.source._replace(pose_map=source, camid=torch.tensor([1, 0, 1])),
        target=batch.target._replace(pose_map=target, camid=torch.tensor([0, 1, 0])),
    )
    model = build_toy(**OWN_CAMERAS)
    model.enter_stage('generators', ['D', 'G'])
    model.eval()
    before = model.forward_translation(batch)
    with torch.no_grad():
        model.G.colour.own_shift[1] += 0.5  # camera 1 of the source
        model.G.colour.own_shift[2] += 0.5  # camera 0 of the target
    after = model.forward_translation(batch)
    changed = [not torch.equal(a, b) for a, b in zip(before.x_s2t, after.x_s2t)]
    assert changed == [True, False, True]
    assert [not torch.equal(a, b) for a, b in zip(before.x_t2t, after.x_t2t)] == changed
    with torch.no_grad():
        translated = model.translate(batch.source, 'target')
        model.G.colour.own_shift[1] -= 0.5
        again = model.translate(batch.source, 'target')
    assert [not torch.equal(a, b) for a, b in zip(translated, again)] == changed
    stranger = batch.source._replace(camid=torch.tensor([1, 2, 0]))
    with pytest.raises(ValueError, match=r'camera 2 .* knows 2 cameras of the source; leave'):
        model.translate(stranger, 'target')
    with pytest.raises(ValueError, match='target cannot be translated as target'):
        model.check_translation(None, 'target', 'target')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(networks=dict(G=dict(num_own_cameras=3))), r'is \[3, 4\].* both to the .* 4'),
        (dict(cross_pose='novel'), "set cross_pose='own'"),
        (
            dict(networks=dict(G=dict(num_cameras=0))),
            r"num_cameras \{'target': 0.* set num_cameras",
        ),
    ],
)
def test_cameras_that_do_not_fit_are_refused(build_toy, change, message):
    networks = {name: dict(cfg) for name, cfg in OWN_CAMERAS['networks'].items()}
    networks['G'] |= change.pop('networks', {}).get('G', {})
    with pytest.raises(ValueError, match=message):
        build_toy(**(OWN_CAMERAS | dict(networks=networks) | change))


def test_a_structure_that_does_not_tell_its_camera_is_refused():
    pose = build_network(dict(type='StructureEncoder', in_channels=3, out_dim=8))
    with pytest.raises(ValueError, match=r'set Structure\.camera'):
        build_network(OWN)(pose(torch.rand(2, 3, 32, 16)), torch.randn(2, 32), torch.tensor([0, 1]))


def test_a_decoder_that_does_not_see_the_picture_has_no_own_cameras():
    with pytest.raises(ValueError, match='set residual=True'):
        build_network(DECODER | dict(num_own_cameras=4))
