"""CameraGCL: styles of cameras, colours by the picture's camera, and what does not fit."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch import nn

from projects.gcl_camera.gcl_camera.networks import CameraStructure
from reidgen.engine import OptimizerPerGroup, run_phases
from reidgen.engine.stages import Stage
from reidgen.registry import build_network

DECODER = dict(type='CameraStripeDecoder', content_dim=32, base_dim=8, num_res_blocks=1)
DISCRIMINATOR = dict(type='CameraStridedDiscriminator', base_dim=4, num_downsample=2)
STRUCTURE = dict(type='StructureEncoder', in_channels=3, out_dim=8)
JOINT = Stage('joint', 1, phases=('D', 'G'), loaders=('source', 'target'))


def rows_reached(parameter: nn.Parameter) -> list[bool]:
    return (parameter.grad.flatten(1).abs().sum(1) > 0).tolist()


# ---- networks ----


def test_a_discriminator_of_cameras_gives_each_image_the_output_of_its_camera():
    D, img = build_network(DISCRIMINATOR | dict(num_cameras=3)), torch.randn(2, 3, 32, 16)
    all_cameras = D.critics[0](img)  # (2, 3, h, w)
    logits = D(img, torch.tensor([2, 0]))
    assert [tuple(scale.shape) for scale in logits] == [(2, 1, 8, 4), (2, 1, 4, 2)]
    assert torch.equal(logits[0][0, 0], all_cameras[0, 2])
    assert torch.equal(logits[0][1, 0], all_cameras[1, 0])


def test_a_translation_teaches_the_camera_of_its_style_and_that_of_its_picture_alone():
    decoder = build_network(DECODER | dict(num_cameras=3, num_own_cameras=4))
    pose = CameraStructure(
        *build_network(STRUCTURE)(torch.rand(2, 3, 32, 16)), torch.tensor([2, 2])
    )
    decoder(pose, torch.randn(2, 32), torch.tensor([1, 1])).square().mean().backward()
    assert rows_reached(decoder.cameras.weight) == [False, True, False]
    assert rows_reached(decoder.colour.shift_change) == [False, True, False]
    assert rows_reached(decoder.colour.own_change) == [False, False, True, False]


def test_a_decoder_begins_with_the_picture_itself():
    picture = torch.rand(2, 3, 32, 16)
    pose, decoder = (
        build_network(STRUCTURE)(2 * picture - 1),
        build_network(DECODER | dict(num_cameras=2)),
    )
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (picture - mean[:, None, None]) / std[:, None, None]
    translated = decoder(pose, torch.randn(2, 32), torch.tensor([0, 1]))
    assert (translated - normalised).abs().mean() < 0.1


@pytest.mark.parametrize(
    'network, message',
    [
        (DECODER | dict(num_cameras=0), 'num_cameras is 0, num_own_cameras 0; set'),
        (DISCRIMINATOR | dict(num_cameras=0), 'num_cameras is 0; set the cameras of the domain'),
    ],
)
def test_networks_of_no_camera_are_refused(network, message):
    with pytest.raises(ValueError, match=message):
        build_network(network)


def test_a_structure_that_does_not_tell_its_camera_is_refused():
    decoder = build_network(DECODER | dict(num_cameras=2, num_own_cameras=4))
    pose = build_network(STRUCTURE)(torch.rand(2, 3, 32, 16))
    with pytest.raises(ValueError, match=r'give it a CameraStructure, or set num_own_cameras=0'):
        decoder(pose, torch.randn(2, 32), torch.tensor([0, 1]))


# ---- the model ----


def test_images_are_translated_in_the_style_of_the_camera_of_their_batch_mate(build_toy, toy_batch):
    model = build_toy(num_target=3)
    model.enter_stage('joint', ['D', 'G'])
    model.eval()
    with torch.no_grad():
        one = model.forward_translation(toy_batch(target=[0, 1, 2]))
        other = model.forward_translation(toy_batch(target=[0, 2, 2]))
    same = [torch.equal(a, b) for a, b in zip(one.x_s2t, other.x_s2t)]
    assert same == [True, False, True]
    assert torch.equal(one.x_s2s, other.x_s2s)  # F knows the styles of the source alone


def test_a_picture_has_the_colours_of_the_camera_that_took_it(build_toy, toy_batch):
    model, batch = build_toy().eval(), toy_batch(source=[1, 0, 1], target=[0, 1, 0])
    model.enter_stage('generators', ['D', 'G'])
    with torch.no_grad():
        before, alone = model.forward_translation(batch), model.translate(batch.source, 'target')
        model.G.colour.own_shift[1] += 0.5  # camera 1 of the source
        model.G.colour.own_shift[2] += 0.5  # camera 0 of the target, counted after the source's
        after, again = model.forward_translation(batch), model.translate(batch.source, 'target')
    for old, new in ((before.x_s2t, after.x_s2t), (before.x_t2t, after.x_t2t), (alone, again)):
        assert [not torch.equal(a, b) for a, b in zip(old, new)] == [True, False, True]


def test_styles_go_round_the_cameras(build_toy, toy_batch):
    model, source = build_toy(num_target=3).eval(), toy_batch().source
    source = source._replace(index=torch.tensor([4, 4, 4]))
    with torch.no_grad():
        pictures = [model.translate(source, 'target', style) for style in range(4)]
    assert torch.equal(pictures[0], pictures[3])
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[1], pictures[2])


def test_an_iteration_moves_all_networks(build_toy, toy_batch):
    model, batch = build_toy(), toy_batch(source=[1, 0, 1], target=[1, 0, 1])
    model.enter_stage('joint', ['D', 'G'])
    names = ('D_s', 'D_t', 'G', 'F', 'E_p', 'E_c')
    groups = {name: dict(networks=[name], type='SGD', lr=1e-3) for name in names}
    before = {key: value.clone() for key, value in model.state_dict().items()}
    run_phases(model, batch, OptimizerPerGroup(groups)(model), 0, 0)
    after = model.state_dict()
    moved = {key.partition('.')[0] for key in before if not torch.equal(before[key], after[key])}
    assert moved == {*names, 'bank'}


# ---- what does not fit ----

PLAIN = dict(type='StripeAdaINDecoder', content_dim=32, base_dim=8, residual=True)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(networks=dict(G=PLAIN)), 'but G a StripeAdaINDecoder; set the types CameraStripe'),
        (
            dict(networks=dict(D_t=DISCRIMINATOR | dict(num_cameras=3))),
            r'D_t\.num_cameras is 3, that of G 2; .* make them equal',
        ),
        (
            dict(networks=dict(G=DECODER | dict(num_cameras=2, num_own_cameras=3))),
            r'is \[3, 4\]; set both to the cameras of both domains together, 4',
        ),
        (dict(cross_pose='novel'), "cross_pose is novel; set cross_pose='own'"),
        (
            dict(head_crops=dict(sise=3)),
            r"model\.head_crops: HeadCrops takes no 'sise' \(did you mean 'size'\?\); known: size",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(build_toy, options, message):
    with pytest.raises(ValueError, match=message):
        build_toy(**options)


def test_data_that_do_not_fit_are_refused_before_training(build_toy, figures):
    four = dict(pose_map=[dict(type='Colour'), dict(type='ShapesMap')])
    source, target = figures(**four), figures(domain='b', labelled=False, **four)
    model = build_toy(num_source=1, num_target=1, bank=dict(num_samples=12, dim=8))
    datasets = dict(source=source, target=target)
    cameras = int(target.camids.max()) + 1
    assert cameras > 1
    message = rf'has {cameras} cameras, but networks\.\w\.num_cameras is 1; set it to {cameras}'
    with pytest.raises(ValueError, match=message):
        model.check_data(datasets, dict(source=4, target=4), [JOINT])
    options = dict(num_source=cameras, num_target=cameras, bank=dict(num_samples=12, dim=8))
    model = build_toy(**options)
    model.check_data(datasets, dict(source=4, target=4), [JOINT])
    with pytest.raises(ValueError, match=r'size is 4 and train_dataloader.target.batch_size is 6'):
        model.check_data(datasets, dict(source=4, target=6), [JOINT])


def test_cameras_are_checked_by_field_of_the_batch_whatever_the_loaders_are_called(
    build_toy, figures
):
    four = dict(pose_map=[dict(type='Colour'), dict(type='ShapesMap')])
    datasets = dict(a=figures(**four), b=figures(domain='b', labelled=False, **four))
    stage = replace(JOINT, loaders=dict(source='a', target='b'))
    cameras, memory = int(datasets['b'].camids.max()) + 1, dict(num_samples=12, dim=8)
    model = build_toy(num_source=cameras, num_target=cameras, bank=memory)
    model.check_data(datasets, dict(a=4, b=4), [stage])
    with pytest.raises(ValueError, match=r'train_dataloader.b.batch_size is 6; make them equal'):
        model.check_data(datasets, dict(a=4, b=6), [stage])
    with pytest.raises(ValueError, match=rf'set it to {cameras}'):
        build_toy(num_source=1, num_target=1, bank=memory).check_data(
            datasets, dict(a=4, b=4), [stage]
        )


def test_images_that_it_cannot_translate_are_refused(build_toy, toy_batch):
    model = build_toy()
    with pytest.raises(ValueError, match=r'camera 2 .* knows 2 cameras of the source; leave'):
        model.translate(toy_batch(source=[1, 2, 0]).source, 'target')
    with pytest.raises(ValueError, match='target cannot be translated as target'):
        model.check_translation(None, 'target', 'target')


def test_heads_too_small_for_a_discriminator_are_refused_before_training(build_toy, figures):
    four = dict(pose_map=[dict(type='Colour'), dict(type='ShapesMap')])
    datasets = dict(source=figures(**four), target=figures(domain='b', labelled=False, **four))
    cameras = int(datasets['target'].camids.max()) + 1
    for size, fits in ((14, False), (15, True)):  # 2 scales of 2 halvings: above 2 * 7
        model = build_toy(
            num_source=cameras,
            num_target=cameras,
            bank=dict(num_samples=12, dim=8),
            head_crops=dict(size=size),
        )
        with nullcontext() if fits else pytest.raises(ValueError, match='an image of 14 x 14 is'):
            model.check_data(datasets, dict(source=4, target=4), [JOINT])
