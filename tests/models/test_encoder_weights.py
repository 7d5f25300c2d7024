from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as nnf
from mmengine.logging import MMLogger
from small_content_encoder import small
from torch import nn
from torchvision.models import get_model, mobilenet_v2

from reidgen.models.encoders import ContentEncoder

pytestmark = pytest.mark.usefixtures('seeded')

SHARED = Path(__file__).resolve().parents[2] / '../shared/weights/mobilenet_v2_imagenet.safetensors'


@pytest.fixture
def logged(monkeypatch):
    messages = []
    monkeypatch.setattr(
        MMLogger.get_current_instance(),
        'handle',
        lambda record: messages.append(record.getMessage()),
    )
    return messages


@pytest.fixture(scope='module')
def mobilenet() -> dict:
    torch.manual_seed(1)
    return mobilenet_v2(weights=None).state_dict()


@pytest.mark.slow
def test_a_torchvision_file_fills_the_trunk_and_its_classifier_is_listed(
    tmp_path, mobilenet, logged
):
    path = tmp_path / 'imagenet.pth'
    torch.save(mobilenet, path)
    encoder = small(weights=path)
    assert all(
        torch.equal(value, mobilenet[key]) for key, value in encoder.trunk.state_dict().items()
    )
    assert logged == [
        f'mobilenet_v2: trunk from {path}; head at random; not used: classifier (2 tensors)'
    ]
    img = torch.randn(2, 3, 32, 16)
    other = mobilenet_v2(weights=None)
    other.load_state_dict(mobilenet)
    same_stride = small(weights=path, last_stride=2)
    expected = nnf.adaptive_avg_pool2d(other.eval().features(img), 1).flatten(1)
    assert torch.allclose(same_stride.eval().trunk(img).mean((2, 3)), expected, atol=1e-5)


def test_a_file_of_old_torch_without_batch_counters_fits(tmp_path, mobilenet):
    path = tmp_path / 'old.pth'
    torch.save({key: value for key, value in mobilenet.items() if 'num_batches' not in key}, path)
    key = 'features.18.0.weight'
    assert torch.equal(small(weights=path).trunk.state_dict()[key], mobilenet[key])


@pytest.mark.slow
@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: state,
        lambda state: {
            'state_dict': {f'E_c.{key}': value for key, value in state.items()}
            | {'G.blocks.0.weight': torch.zeros(1)},
            'meta': {'iter': 3},
        },
        lambda state: {'state_dict': {f'module.{key}': value for key, value in state.items()}},
        lambda state: {'model': {f'backbone.{key}': value for key, value in state.items()}},
        lambda state: {'net': {f'module.base.{key}': value for key, value in state.items()}},
        lambda state: {f'model.E_c.{key}': value for key, value in state.items()},
        lambda state: {f'E_c.module.{key}': value for key, value in state.items()},
    ],
)
def test_an_encoder_of_ours_comes_back_whole_from_any_kind_of_file(tmp_path, wrap):
    trained = small()
    nn.init.normal_(trained.neck.running_mean)
    torch.save(wrap(trained.state_dict()), tmp_path / 'encoder.pth')
    restored = small(weights=tmp_path / 'encoder.pth').state_dict()
    assert all(torch.equal(value, restored[key]) for key, value in trained.state_dict().items())


def test_an_encoder_saved_whole_comes_back(tmp_path):
    trained = small()
    torch.save(trained, tmp_path / 'encoder.pth')
    restored = small(weights=tmp_path / 'encoder.pth').state_dict()
    assert all(torch.equal(value, restored[key]) for key, value in trained.state_dict().items())


def test_a_trunk_below_another_name_is_found(tmp_path, mobilenet):
    state = {f'base.{key}': value for key, value in mobilenet.items()}
    torch.save(state | {'bottleneck.weight': torch.ones(2)}, tmp_path / 'theirs.pth')
    key = 'features.18.0.weight'
    assert torch.equal(
        small(weights=tmp_path / 'theirs.pth').trunk.state_dict()[key], mobilenet[key]
    )


def test_a_head_of_another_size_is_left_out_and_listed(tmp_path, logged):
    trained = small(embed_dim=16)
    torch.save(trained.state_dict(), tmp_path / 'wide.pth')
    logged.clear()
    encoder = small(embed_dim=8, weights=tmp_path / 'wide.pth')
    assert torch.equal(encoder.trunk.features[0][0].weight, trained.trunk.features[0][0].weight)
    assert 'head at random; not used: linear (2 tensors), neck (5 tensors)' in logged[0]


def test_a_tensor_missing_from_the_trunk_is_named(tmp_path, mobilenet):
    state = {**mobilenet, 'features.18.1.bias': torch.zeros(3)}
    del state['features.3.conv.0.0.weight']
    torch.save(state, tmp_path / 'broken.pth')
    with pytest.raises(ValueError, match='does not fit the trunk mobilenet_v2') as error:
        small(weights=tmp_path / 'broken.pth')
    assert '1 are missing (features.3.conv.0.0.weight)' in str(error.value)
    assert 'features.18.1.bias (3,) instead of (1280,)' in str(error.value)
    assert 'Set trunk to the architecture of the file' in str(error.value)


@pytest.mark.slow
def test_a_deeper_trunk_of_the_same_names_is_refused(tmp_path):
    torch.save(get_model('resnet34', weights=None).state_dict(), tmp_path / 'resnet34.pth')
    message = r'the trunk resnet18: .* 0 are missing .*; \d+ are too many \(layer1\.2\.bn1\.bias'
    with pytest.raises(ValueError, match=message):
        ContentEncoder('resnet18', weights=tmp_path / 'resnet34.pth')


def test_a_trunk_with_nan_is_refused_by_the_name_of_the_tensor(tmp_path, mobilenet):
    bad = torch.full_like(mobilenet['features.0.1.bias'], torch.nan)
    torch.save(mobilenet | {'features.0.1.bias': bad}, tmp_path / 'nan.pth')
    with pytest.raises(ValueError, match=r'nan\.pth: trunk\.features\.0\.1\.bias is NaN'):
        small(weights=tmp_path / 'nan.pth')


def test_a_foreign_architecture_is_refused_instead_of_starting_at_random(tmp_path, mobilenet):
    torch.save(mobilenet, tmp_path / 'mobilenet.pth')
    with pytest.raises(
        ValueError, match=r'does not fit the trunk resnet18: .* \(conv1.weight, .* more\)'
    ):
        ContentEncoder('resnet18', weights=tmp_path / 'mobilenet.pth')


def test_the_first_obtainable_entry_of_a_list_is_used_and_logged(tmp_path, mobilenet, logged):
    torch.save(mobilenet, tmp_path / 'second.pth')
    small(weights=[tmp_path / 'first.pth', tmp_path / 'second.pth', tmp_path / 'third.pth'])
    assert 'passed over' in logged[0]
    assert 'first.pth does not exist' in logged[0]
    assert f'trunk from {tmp_path / "second.pth"}' in logged[1]


def test_a_damaged_file_is_not_passed_over(tmp_path, mobilenet):
    torch.save(mobilenet, tmp_path / 'second.pth')
    (tmp_path / 'first.pth').write_bytes((tmp_path / 'second.pth').read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r'first.pth is cut short or damaged'):
        small(weights=[tmp_path / 'first.pth', tmp_path / 'second.pth'])


@pytest.fixture
def offline(tmp_path, monkeypatch):
    def download(url, *args, **kwargs):
        raise URLError('no route to host')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    return tmp_path / 'hub' / 'checkpoints'


def test_imagenet_offline_names_the_cache_and_the_fix(offline):
    with pytest.raises(FileNotFoundError) as error:
        small(weights='imagenet')
    assert str(offline) in str(error.value)
    assert 'no route to host' in str(error.value)
    assert 'give a local file through the key `weights`' in str(error.value)


def test_imagenet_from_the_cache_needs_no_network(offline, mobilenet):
    offline.mkdir(parents=True)
    torch.save(mobilenet, offline / 'mobilenet_v2-b0353104.pth')  # torchvision's name of the file
    key = 'features.0.0.weight'
    assert torch.equal(small(weights='imagenet').trunk.state_dict()[key], mobilenet[key])


def test_when_no_entry_can_be_obtained_each_is_named_with_its_reason(offline, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        small(weights=[str(tmp_path / 'mine.pth'), 'imagenet'])
    lines = str(error.value).splitlines()
    assert 'none of the 2 entries' in lines[0]
    assert 'mine.pth does not exist' in lines[1]
    assert 'imagenet: ' in lines[2]
    assert 'no route to host' in lines[2]


def test_a_random_start_is_logged(logged):
    small(weights=None)
    assert logged == ['mobilenet_v2: random start, no pretrained weights (weights=None)']


@pytest.mark.skipif(not SHARED.is_file(), reason='../shared/weights is not here')
def test_the_shared_imagenet_file_fits_the_mobilenet_trunk(logged):
    encoder = small(weights=SHARED)
    assert 'trunk from' in logged[0]
    assert encoder.eval()(torch.zeros(1, 3, 64, 32)).content.isfinite().all()
