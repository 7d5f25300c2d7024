"""Model files with batch-norm statistics by camera."""

import shutil

import numpy as np
import pytest
import torch
from torch import nn

import reidgen
from reidgen.engine.config import load_config
from reidgen.engine.loading import trained_model
from reidgen.evaluation.camera_statistics import CameraStatistics
from reidgen.inference import pack, read_model_file, write_model_file
from reidgen.inference.batch_norm import write_camera_file
from reidgen.inference.packing import DOMAINS, Packing
from tests.inference.conftest import CAMERAS, close, expected, info_of, paths_of


def test_an_image_is_normalised_by_the_statistics_of_its_camera(by_camera, crops):
    model = reidgen.load(by_camera, 'cpu')
    assert model.info.cameras == list(CAMERAS)
    assert 'batch-norm statistics by camera: 2, 10' in str(model)
    for camera in CAMERAS:
        close(model.embed(paths_of(crops, camera), camera=camera), expected(crops, camera))


def test_images_of_several_cameras_in_any_order_are_embedded_each_by_its_own(by_camera, crops):
    model = reidgen.load(by_camera, 'cpu')
    images = [(path, camera) for camera in CAMERAS for path in paths_of(crops, camera)]
    rows = np.concatenate([expected(crops, camera) for camera in CAMERAS])
    order = np.random.default_rng(1).permutation(len(images))
    paths, cameras = zip(*[images[place] for place in order])
    close(model.embed(list(paths), camera=list(cameras)), rows[order])
    with pytest.raises(ValueError, match='1 cameras for 9 images; give one, or one each'):
        model.embed(list(paths), camera=['2'])


def test_scores_that_were_measured_without_these_statistics_are_left_out(file, by_camera):
    before, _ = read_model_file(file)
    after, _ = read_model_file(by_camera)
    assert all((before.metrics, before.calibration, before.tested_on))
    assert not any((after.metrics, after.calibration, after.tested_on))
    with pytest.raises(ValueError, match=r"no threshold; .* measure these cameras'"):
        reidgen.load(by_camera).compare('a.png', 'b.png', '2', '10')


def test_statistics_of_other_cameras_take_the_place_of_those_before(by_camera, crops, tmp_path):
    shutil.rmtree(crops / '10')
    again = tmp_path / 'again.safetensors'
    assert write_camera_file(by_camera, crops, again).cameras == ['2']
    close(reidgen.load(again).embed(paths_of(crops, '2'), camera='2'), expected(crops, '2'))


@pytest.mark.parametrize(
    'camera, message',
    [
        (None, r'the camera of images is not known, .* by camera: 2, 10; say which it is: camera='),
        (
            '3',
            r"no batch-norm statistics of the camera '3', but of 2, 10; .*export MODEL --cameras",
        ),
    ],
)
def test_a_camera_that_is_not_known_is_refused(by_camera, crops, camera, message):
    with pytest.raises(ValueError, match=message):
        reidgen.load(by_camera).embed(paths_of(crops, '2'), camera=camera)


def test_a_camera_for_a_file_without_statistics_by_camera_is_refused(file, crops):
    with pytest.raises(ValueError, match='has no batch-norm statistics by camera; leave camera'):
        reidgen.load(file).embed(paths_of(crops, '2'), camera='2')


def test_one_image_of_a_camera_is_refused_with_its_name(file, crops, tmp_path):
    for path in paths_of(crops, '10')[1:]:
        path.unlink()
    with pytest.raises(ValueError, match=r'need 2 of its images at least, .* of 10 \(1\)'):
        write_camera_file(file, crops, tmp_path / 'few.safetensors')


def test_tensors_of_a_camera_that_the_description_lacks_are_refused(by_camera, tmp_path):
    info, state = read_model_file(by_camera)
    write_model_file(tmp_path / 'a.safetensors', info_of(cameras=['2'], model=info.model), state)
    with pytest.raises(ValueError, match=r'camera_statistics\.1\..* is of none of the cameras 2'):
        read_model_file(tmp_path / 'a.safetensors')


def test_statistics_of_another_network_are_refused(by_camera):
    model = reidgen.load(by_camera, 'cpu').extractor.model
    with pytest.raises(ValueError, match='are not those of the batch norms of IdentityModel'):
        CameraStatistics(['a'], [{'E_c.bn.running_mean': torch.zeros(3)}]).use(model, 0)


def test_search_among_images_takes_the_camera_of_either(by_camera, crops):
    model, (query, *_) = reidgen.load(by_camera, 'cpu'), paths_of(crops, '2')
    gallery = paths_of(crops, '10')
    found = model.search(query, gallery, top=4, camera='2', gallery_camera='10')
    similar = expected(crops, '10') @ expected(crops, '2')[0]
    assert [each.row for each in found] == np.argsort(-similar).tolist()
    assert found[0].similarity == pytest.approx(similar.max(), abs=1e-4)


def test_embedding_leaves_the_statistics_of_the_file_as_they_were(by_camera, crops):
    model = reidgen.load(by_camera, 'cpu')
    own = {key: value.clone() for key, value in model.extractor.model.state_dict().items()}
    model.embed(paths_of(crops, '10'), camera='10')
    for key, value in model.extractor.model.state_dict().items():
        assert torch.equal(value, own[key]), key


def test_statistics_beyond_the_range_of_the_file_are_refused(file, crops, tmp_path, monkeypatch):
    half, (info, state) = tmp_path / 'half.safetensors', read_model_file(file)
    state = {key: x.half() if x.is_floating_point() else x for key, x in state.items()}
    write_model_file(half, info, state)
    monkeypatch.setattr(
        CameraStatistics,
        'tensors',
        lambda self: {'camera_statistics.0.E_c.bn.running_var': torch.tensor([7e4, 1.0, 1.0])},
    )
    with pytest.raises(ValueError, match=r'running_var has values beyond the range of float16'):
        write_camera_file(half, crops, tmp_path / 'out.safetensors')
    assert not (tmp_path / 'out.safetensors').exists()


# ---- files of a config whose evaluation is by camera ----
@pytest.mark.slow
def test_a_config_evaluated_by_camera_gives_a_file_by_camera(tiny, tmp_path):
    out, options = (
        tmp_path / 'tiny.safetensors',
        {
            'model.bn_mode': 'target_recalib',
            'val_cfg.adabn_by': 'camera',
        },
    )
    info = pack(tiny.config, tiny.checkpoint, out, cfg_options=options)
    cfg = load_config(tiny.config, options)
    dataset = reidgen.registry.build(
        cfg.train_dataloader.target.dataset.to_dict(), reidgen.registry.DATASETS, 'target'
    ).plain()
    assert info.cameras == [str(camid + 1) for camid in dataset.camids.unique().tolist()]
    model = trained_model(cfg, tiny.checkpoint, to_embed=True).cpu()
    camera = info.cameras[-1]
    rows = [row for row, camid in enumerate(dataset.camids.tolist()) if str(camid + 1) == camera]
    img = torch.stack([dataset[row].img for row in rows])
    batch = model.data_preprocessor(reidgen.inference.batches.as_batch(img, None))
    model.E_c.train()
    for layer in model.E_c.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.E_c(batch.img)
    wanted = model.eval().val_step(reidgen.inference.batches.as_batch(img[:4], None))
    found = reidgen.load(out, 'cpu').embed(img[:4], camera=camera)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_translations_do_not_depend_on_the_camera_embedded_before(tiny, tmp_path):
    grey = {f'train_dataloader.{name}.dataset.pose_map.type': 'Grayscale' for name in DOMAINS}
    options = {'val_cfg.adabn_by': 'camera', 'model.networks.E_p.in_channels': 1, **grey}
    torch.manual_seed(0)
    built = reidgen.registry.build(
        load_config(tiny.config, options).model.to_dict(), reidgen.registry.MODELS
    )
    torch.save(built.state_dict(), tmp_path / 'one.pth')
    out, packing = tmp_path / 'tiny.safetensors', Packing(translate=True, adabn=True)
    info = pack(tiny.config, tmp_path / 'one.pth', out, packing, options)
    model = reidgen.load(out, 'cpu')
    images = list(torch.randint(0, 256, (2, 3, *info.input_size), dtype=torch.uint8))
    translated = model.translate(images, 'target')
    for camera in (info.cameras[0], info.cameras[-1]):
        model.embed(images, camera=camera)
        assert torch.equal(model.translate(images, 'target'), translated)
