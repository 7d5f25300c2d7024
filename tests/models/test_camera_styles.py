"""Camera styles: G and F translate, and the discriminators judge, as one camera of the domain."""

import pytest
import torch

from reidgen.engine import run_phases
from reidgen.registry import build_network

DECODER = dict(type='StripeAdaINDecoder', content_dim=32, base_dim=8, num_res_blocks=1)
CRITIC = dict(type='StridedDiscriminator', base_dim=4, num_downsample=2)
STYLED = dict(
    camera_styles=True,
    networks=dict(
        G=DECODER | dict(num_cameras=3),
        F=DECODER | dict(num_cameras=2),
        D_s=CRITIC | dict(num_cameras=2),
        D_t=CRITIC | dict(num_cameras=3),
        E_p=dict(type='StructureEncoder', in_channels=1, out_dim=8),
    ),
)


def with_cameras(batch, source: list[int], target: list[int]):
    return batch._replace(
        source=batch.source._replace(camid=torch.tensor(source)),
        target=batch.target._replace(camid=torch.tensor(target)),
    )


def test_a_discriminator_of_cameras_gives_each_image_the_output_of_its_camera():
    discriminator, img = build_network(CRITIC | dict(num_cameras=3)), torch.randn(2, 3, 32, 16)
    all_cameras = discriminator.critics[0](img)  # (2, 3, h, w)
    logits = discriminator(img, torch.tensor([2, 0]))
    assert [tuple(scale.shape) for scale in logits] == [(2, 1, 8, 4), (2, 1, 4, 2)]
    assert torch.equal(logits[0][0, 0], all_cameras[0, 2])
    assert torch.equal(logits[0][1, 0], all_cameras[1, 0])


def test_a_painting_teaches_its_own_camera_alone():
    decoder = build_network(DECODER | dict(num_cameras=3, residual=True))
    encoder = build_network(dict(type='StructureEncoder', in_channels=3, out_dim=8))
    pose, content = encoder(torch.rand(2, 3, 32, 16)), torch.randn(2, 32)
    decoder(pose, content, torch.tensor([1, 1])).square().mean().backward()
    for parameter in (decoder.cameras.weight, decoder.colour.shift_change):
        reached = parameter.grad.flatten(1).abs().sum(1) > 0
        assert reached.tolist() == [False, True, False]


def test_source_persons_are_painted_as_by_the_camera_of_their_target_batch_mate(
    build_toy, toy_batch
):
    model, batch = build_toy(**STYLED), toy_batch()
    model.enter_stage('joint', ['D', 'G'])
    model.eval()
    with torch.no_grad():
        one = model.forward_translation(with_cameras(batch, [0, 0, 0], [0, 1, 2]))
        other = model.forward_translation(with_cameras(batch, [0, 0, 0], [0, 2, 2]))
    same = [torch.equal(a, b) for a, b in zip(one.x_s2t, other.x_s2t)]
    assert same == [True, False, True]
    assert torch.equal(one.x_t2s, other.x_t2s)  # F knows the cameras of the source alone


def test_paint_goes_round_the_cameras(build_toy, toy_batch):
    model, source = build_toy(**STYLED).eval(), toy_batch().source
    source = source._replace(index=torch.tensor([4, 4, 4]))
    with torch.no_grad():
        pictures = [model.translate(source, 'target', style) for style in range(4)]
    assert torch.equal(pictures[0], pictures[3])
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[1], pictures[2])


def test_an_iteration_with_camera_styles_moves_all_networks(build_toy, toy_batch, toy_optim):
    model, batch = build_toy(**STYLED), with_cameras(toy_batch(), [1, 0, 1], [2, 0, 1])
    model.enter_stage('joint', ['D', 'G'])
    before = {key: value.clone() for key, value in model.state_dict().items()}
    run_phases(model, batch, toy_optim(model), 0, 0)
    moved = {
        key.partition('.')[0]
        for key, value in model.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert {'D_s', 'D_t', 'G', 'F', 'E_p', 'E_c'} <= moved


def test_networks_without_cameras_are_refused_by_name(build_toy):
    with pytest.raises(ValueError, match=r"\['G', 'F', 'D_s', 'D_t'\] have none; set num_cameras"):
        build_toy(camera_styles=True)
