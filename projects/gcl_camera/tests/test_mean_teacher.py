"""TeacherGCL and MeanTeacherHook: the moving average, when it embeds, and when it begins anew."""

from types import SimpleNamespace

import pytest
import torch

from projects.gcl_camera.gcl_camera import MeanTeacherHook, TeacherGCL

NUM_ROWS, SIZE = 10, (32, 16)


@pytest.fixture
def model(build_toy) -> TeacherGCL:
    return build_toy(
        kind=TeacherGCL,
        proxies=dict(type='ProxyContrast', same_camera=True),
        inter=dict(type='InterCameraContrast'),
        bank_t=dict(type='CentroidBank', num_samples=NUM_ROWS, dim=8, per_camera=True),
    )


def runner_of(model, stage: str) -> SimpleNamespace:
    loop = SimpleNamespace(stage=SimpleNamespace(name=stage), stage_names=('memory', 'teacher'))
    return SimpleNamespace(model=model, train_loop=loop)


def shake(network) -> None:
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.add_(torch.randn_like(value).abs())
            else:
                value.add_(1)


def test_the_teacher_is_the_moving_average_of_weights_and_statistics(model):
    hook, runner = MeanTeacherHook(['teacher'], momentum=0.25), runner_of(model, 'teacher')
    expected: dict[str, torch.Tensor] = {}
    for share in (0.0, 2 / 11, 0.25, 0.25):  # momentum from the third step on
        shake(model.E_c)
        hook.after_train_iter(runner, 0)
        new = {key: value.clone() for key, value in model.E_c.state_dict().items()}
        expected = {
            key: share * expected.get(key, value) + (1 - share) * value
            if value.is_floating_point()
            else value
            for key, value in new.items()
        }
        for key, value in model.E_m.state_dict().items():
            torch.testing.assert_close(value, expected[key])
    assert int(model.teacher_steps) == 4


def test_images_are_embedded_by_the_teacher_once_there_is_one(model):
    img = torch.randn(4, 3, *SIZE)
    model.eval()
    shake(model.E_c)
    assert model.retrieval_encoder is model.E_c
    model.move_teacher(0.99)
    before = model.embed(img)
    shake(model.E_c)
    assert model.retrieval_encoder is model.E_m
    assert torch.equal(model.embed(img), before)


def test_other_stages_have_no_teacher_and_those_after_them_begin_anew(model):
    hook = MeanTeacherHook(['teacher'])
    hook.after_train_iter(runner_of(model, 'teacher'), 0)
    hook.before_stage(runner_of(model, 'teacher'))  # of a resumed run, too
    assert int(model.teacher_steps) == 1
    hook.before_stage(runner_of(model, 'memory'))
    hook.after_train_iter(runner_of(model, 'memory'), 0)
    assert int(model.teacher_steps) == 0
    assert model.retrieval_encoder is model.E_c


def test_the_teacher_is_saved_with_the_model_and_trained_by_nothing(model):
    keys = model.state_dict().keys()
    assert {'teacher_steps', *(f'E_m.{key}' for key in model.E_m.state_dict())} <= keys
    assert 'E_m' not in model.network_names
    assert not any(parameter.requires_grad for parameter in model.E_m.parameters())
    assert set(model.evaluated) == {'E_c', 'E_m', 'teacher_steps'}


def test_wrong_options_are_refused(model, build_toy):
    with pytest.raises(ValueError, match=r'momentum is 1\.0; it must be in 0\.\.1'):
        MeanTeacherHook(['teacher'], momentum=1.0)
    with pytest.raises(ValueError, match=r"names \['teachers'\]; the stages are memory, teacher"):
        MeanTeacherHook(['teachers']).before_train(runner_of(model, 'memory'))
    with pytest.raises(ValueError, match=r"is a CameraGCL; set model.type='TeacherGCL'"):
        MeanTeacherHook(['teacher']).before_train(runner_of(build_toy(), 'teacher'))
