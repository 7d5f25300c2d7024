"""HeadCrops, and the pairs of real and generated heads that the discriminators are given."""

import pytest
import torch

from projects.gcl_camera.gcl_camera import HeadCrops


def body_map(rows: slice, height: int = 40) -> torch.Tensor:
    """(1, 1, height, 20): a body in columns 8 to 11 of these rows."""
    pose_map = torch.full((1, 1, height, 20), -1.0)
    pose_map[:, :, rows, 8:12] = 1.0
    return pose_map


def test_a_head_is_the_top_of_the_body_as_wide_as_it_is_there():
    body = body_map(slice(10, 110), height=120)  # 100 rows, of which the head has 13
    body[:, :, 25:40, 2:18] = 1.0  # arms
    (box,) = HeadCrops().boxes((body > 0).float())
    assert box.tolist() == pytest.approx([8, 10, 12, 23])


def test_the_last_row_and_column_belong_to_a_body_at_the_border():
    body = torch.zeros(1, 1, 40, 20)
    body[:, :, 39:, 16:] = 1.0  # a head has one row at least
    assert HeadCrops().boxes(body).tolist() == [[16, 39, 20, 40]]


def test_a_crop_is_the_head_enlarged_and_nothing_else():
    image = torch.full((1, 3, 120, 20), 5.0)
    image[:, 0, 10:23, 8:10] = 1.0  # left half of the head
    image[:, 0, 10:23, 10:12] = 2.0
    crop = HeadCrops(size=8)(image, body_map(slice(10, 110), height=120))
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


def test_real_and_generated_are_cut_alike_in_any_precision():
    body, image = body_map(slice(9, 33)), torch.randn(1, 3, 40, 20).bfloat16()
    assert torch.equal(HeadCrops()(image, body), HeadCrops()(image.float(), body))
    assert torch.equal(HeadCrops()(image, body.bfloat16()), HeadCrops()(image, body))


def test_a_size_below_one_is_refused():
    with pytest.raises(ValueError, match='size is 0; set 1 or more'):
        HeadCrops(size=0)


def test_discriminators_and_generators_learn_from_heads_alone(build_toy, toy_batch):
    model, batch = build_toy(head_crops={}), toy_batch()
    body = torch.full_like(batch.source.pose_map, -1.0)
    body[:, :, 8:24, 4:10] = 1.0
    batch = batch._replace(
        source=batch.source._replace(pose_map=body),
        target=batch.target._replace(pose_map=body),
    )
    model.enter_stage('generators', ['D', 'G'])
    x = model.forward_translation(batch)
    x = x._replace(x_s2t=x.x_s2t.detach().requires_grad_())
    pairs = {name: rest for name, *rest in model.adversarial_pairs(batch, x)}
    discriminator, real, fake = pairs['Dt']
    assert real.shape == fake.shape == (3, 3, 32, 32)
    sum(logits.sum() for logits in discriminator(fake)).backward()
    head = torch.zeros_like(x.x_s2t, dtype=torch.bool)
    head[:, :, 8:10, 4:10] = True  # 0.13 of 16 rows
    reached = x.x_s2t.grad.abs()
    assert (reached[head] > 0).all()
    head[:, :, 7:11, 3:11] = True  # enlarging mixes in the pixels next to it
    assert reached[~head].max() == 0


@pytest.mark.parametrize('cross_pose', ['own', 'other', 'novel'])
def test_each_image_is_cut_by_the_map_that_it_was_generated_from(build_toy, toy_batch, cross_pose):
    model = build_toy(
        own=False, head_crops={}, adv_on=('cross', 'recon', 'cycle'), cross_pose=cross_pose
    )
    batch, maps = toy_batch(), {}
    for row, name in enumerate(('s', 't', 'novel_s', 'novel_t')):
        maps[name] = torch.full_like(batch.source.pose_map, -1.0)
        maps[name][:, :, 4 + 5 * row :, 2 + 3 * row : 5 + 3 * row] = 1.0
    batch = batch._replace(
        source=batch.source._replace(pose_map=maps['s'], novel_map=maps['novel_s']),
        target=batch.target._replace(pose_map=maps['t'], novel_map=maps['novel_t']),
    )
    model.enter_stage('generators', ['D', 'G'])
    x, crop = model.forward_translation(batch), HeadCrops()
    of_s2t, of_t2s = dict(own=('s', 't'), other=('t', 's'), novel=('novel_s', 'novel_t'))[
        cross_pose
    ]
    expected = dict(
        Ds=(x.x_t2s, of_t2s),
        Dt=(x.x_s2t, of_s2t),
        Ds_recon=(x.x_s2s, 's'),
        Dt_recon=(x.x_t2t, 't'),
        Ds_cycle=(x.x_s2t2s, 's'),
        Dt_cycle=(x.x_t2s2t, 't'),
    )
    pairs = {name: (real, fake) for name, _, real, fake in model.adversarial_pairs(batch, x)}
    assert pairs.keys() == expected.keys()
    for name, (generated, by) in expected.items():
        img, own = (batch.source.img, 's') if name.startswith('Ds') else (batch.target.img, 't')
        real, fake = pairs[name]
        assert torch.equal(real, crop(img, maps[own])), name
        assert torch.equal(fake, crop(generated, maps[by])), name
        assert fake.abs().sum() > 0
