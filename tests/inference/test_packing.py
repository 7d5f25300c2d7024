"""Model files of the tiny networks."""

import json

import numpy as np
import pytest
import torch

import reidgen
from reidgen.engine.config import load_config
from reidgen.engine.loading import trained_model
from reidgen.files import sha256_of
from reidgen.inference import pack, read_model_file
from reidgen.inference.batches import as_batch
from reidgen.inference.packing import Packing, cast_weights, name_of
from tests.inference.conftest import untrained

CYCLE = 'projects/cyclegan/configs/cyclegan_smoke.py'
IMAGES = np.random.default_rng(0).integers(256, size=(5, 64, 32, 3), dtype=np.uint8)


def results_of(tiny, **changes) -> dict:
    verification = dict(
        adabn=False, slope=-1.0, intercept=1.0, threshold=0.5, fmr=0.01, fnmr=0.1, eer=0.05,
        num_genuine=3, num_impostor=30,
    )  # fmt: skip
    found = dict(
        mAP=51.5, rank1=60.0, protocol='market1501', datasets=dict(target='shapes_b'), adabn=False,
        rerank=None, expansion=None, checkpoint_sha256=sha256_of(tiny.checkpoint),
        verification=verification,
    )  # fmt: skip
    return found | changes


@pytest.mark.slow
def test_features_of_the_file_are_those_of_config_and_checkpoint(tiny, tmp_path):
    out = tmp_path / 'tiny.safetensors'
    pack(tiny.config, tiny.checkpoint, out, Packing(licence='CC0'))
    img = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
    expected = tiny.extractor.embed(as_batch(img, None))
    model = reidgen.load(out, 'cpu')
    torch.testing.assert_close(model.embed(IMAGES), expected, rtol=0, atol=1e-6)
    info, state = read_model_file(out)
    assert (info.name, info.input_size, info.dims, info.licence) == ('gcl_tiny', [64, 32], 8, 'CC0')
    assert info.model['type'] == 'IdentityModel'  # no generators, no memory
    assert {key.partition('.')[0] for key in state} == {'E_c'}
    assert info.imports == ['tiny_networks']  # which registers TinyEncoder
    assert 'ShapesReID b (train, without labels)' in info.training_data


def test_metrics_and_threshold_come_from_the_results_of_this_checkpoint(tiny, tmp_path):
    path, out = tmp_path / 'results.json', tmp_path / 'tiny.safetensors'
    path.write_text(json.dumps(results_of(tiny)))
    info = pack(tiny.config, tiny.checkpoint, out, Packing(results=path))
    assert info.metrics == dict(mAP=51.5, rank1=60.0)
    assert info.tested_on == 'shapes_b (market1501)'
    assert info.calibration['threshold'] == 0.5
    assert reidgen.load(out, 'cpu').compare(IMAGES[0], IMAGES[0]).match


@pytest.mark.parametrize(
    'config, name',
    [('configs/gcl_synth.py', 'gcl_synth'), ('work_dirs/mine/config.py', 'mine')],
)
def test_a_model_is_named_after_its_config_or_the_folder_of_a_config_py(config, name):
    assert name_of(config) == name


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(checkpoint_sha256='0'), 'is of another checkpoint than'),
        (dict(rerank={}), 'was measured with re-ranking'),
        (dict(adabn=True), r'was measured with other batch-norm statistics \(AdaBN\)'),
        (dict(datasets=None), 'is no results.json of this reidgen'),
    ],
)
def test_results_of_something_else_are_refused(tiny, tmp_path, changes, message):
    path = tmp_path / 'results.json'
    path.write_text(json.dumps(results_of(tiny, **changes)))
    with pytest.raises(ValueError, match=message):
        pack(tiny.config, tiny.checkpoint, tmp_path / 'a.safetensors', Packing(results=path))
    with pytest.raises(FileNotFoundError, match=r'no results nowhere\.json; write them'):
        pack(tiny.config, tiny.checkpoint, tmp_path / 'a.safetensors', Packing('nowhere.json'))
    assert not (tmp_path / 'a.safetensors').exists()


@pytest.mark.slow
def test_statistics_of_the_target_are_written_where_the_test_estimates_them(tiny, tmp_path):
    cases = dict(
        plain={},
        adapted={'model.bn_mode': 'target_recalib'},
        by_loop={'val_cfg.recalibrate': True},
    )
    for name, options in cases.items():
        pack(tiny.config, tiny.checkpoint, tmp_path / f'{name}.safetensors', None, options)
    plain, adapted, by_loop = (
        read_model_file(tmp_path / f'{name}.safetensors')[1] for name in cases
    )
    assert all(torch.equal(adapted[key], by_loop[key]) for key in plain)
    moved = {key for key in plain if not torch.equal(plain[key], adapted[key])}
    assert moved
    assert all('running_' in key or 'num_batches' in key for key in moved)


@pytest.mark.slow
def test_half_precision_halves_the_weights_and_moves_features_little(tiny, tmp_path):
    sizes, features = [], []
    for dtype in ('float32', 'float16'):
        out = tmp_path / f'{dtype}.safetensors'
        pack(tiny.config, tiny.checkpoint, out, Packing(dtype=dtype))
        sizes.append(
            sum(
                x.numel() * x.element_size()
                for x in read_model_file(out)[1].values()
                if x.is_floating_point()
            )
        )
        features.append(reidgen.load(out, 'cpu').embed(IMAGES))
    assert sizes[1] == sizes[0] / 2
    assert 0 < (features[0] - features[1]).abs().max() < 0.01


def test_a_size_that_depends_on_the_image_is_refused(tiny, tmp_path):
    options = {'val_dataloader.target.dataset.transforms': []}
    with pytest.raises(ValueError, match=r"give images of several sizes.*type='Resize'"):
        pack(tiny.config, tiny.checkpoint, tmp_path / 'a.safetensors', None, options)


def test_maps_from_files_cannot_be_packed(tiny, tmp_path):
    with pytest.raises(ValueError, match=r'translates with ShapesMap maps.*Grayscale, Colour'):
        pack(tiny.config, tiny.checkpoint, tmp_path / 'a.safetensors', Packing(translate=True))


@pytest.fixture
def cycle(tmp_path):
    """A checkpoint of an untrained tiny CycleGAN, and its model."""
    checkpoint = untrained(CYCLE, tmp_path / 'cycle.pth')
    return checkpoint, trained_model(load_config(CYCLE), checkpoint).cpu()


def test_a_gan_of_images_translates_from_its_file_and_has_no_features(cycle, tmp_path):
    checkpoint, expected = cycle
    out = tmp_path / 'cycle.safetensors'
    pack(CYCLE, checkpoint, out, Packing(translate=True))
    model = reidgen.load(out, 'cpu', batch_size=2)
    img = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
    for domain, network in (('target', expected.G), ('source', expected.F)):
        with torch.no_grad():
            pixels = (network(img / 127.5 - 1) + 1) * 127.5
        found = model.translate(IMAGES, domain)
        assert found.dtype == torch.uint8
        assert (found - pixels.clamp(0, 255)).abs().max() < 0.51  # rounded
    with pytest.raises(ValueError, match="domain is 'winter'; choose one of target, source"):
        model.translate(IMAGES, 'winter')
    with pytest.raises(TypeError, match='has no features'):
        model.embed(IMAGES)
    with pytest.raises(ValueError, match='has no features of images; export its generators'):
        pack(CYCLE, checkpoint, out)


@pytest.mark.slow
def test_generators_that_read_the_luma_translate_and_the_encoder_stays(tiny, tmp_path):
    out = tmp_path / 'tiny.safetensors'
    options = {
        f'train_dataloader.{name}.dataset.pose_map': dict(type='Grayscale', _delete_=True)
        for name in ('source', 'target')
    }
    pack(tiny.config, tiny.checkpoint, out, Packing(translate=True), options)
    model = reidgen.load(out, 'cpu', batch_size=2)
    img = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
    torch.testing.assert_close(
        model.embed(IMAGES), tiny.extractor.embed(as_batch(img, None)), rtol=0, atol=1e-6
    )
    weights = np.array([0.299, 0.587, 0.114])
    luma = torch.from_numpy(np.floor(IMAGES @ weights + 0.5 + 1e-9)).float()[:, None] / 127.5 - 1
    networks, normalizer = tiny.extractor.model, tiny.extractor.model.data_preprocessor
    with torch.no_grad():
        content = networks.E_c(normalizer(img)).content
        expected = networks.G(networks.E_p(luma), content)
    pixels = ((expected + normalizer.shift) / normalizer.scale).clamp(0, 255)
    assert (model.translate(IMAGES, 'target') - pixels).abs().max() < 0.51  # rounded
    assert not {key for key in read_model_file(out)[1] if key.startswith('bank')}


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_a_checkpoint_with_nan_or_infinity_is_told_as_such(value, dtype):
    state = {'E_c.n': torch.tensor(7), 'E_c.a': torch.tensor([1.0, value])}
    with pytest.raises(ValueError, match=r'E_c\.a has NaN or infinity in the checkpoint'):
        cast_weights(state, dtype)


def test_weights_that_float16_does_not_hold_are_told_with_the_fix():
    state = {'E_c.n': torch.tensor(10**6), 'E_c.a': torch.tensor([1e5, 0.5])}
    with pytest.raises(ValueError, match=r"E_c\.a has values .* float16; use dtype='float32'"):
        cast_weights(state, torch.float16)
    assert cast_weights(state, torch.float32) == state
