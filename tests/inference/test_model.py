import math

import numpy as np
import pytest
import torch

import reidgen
from reidgen.inference import write_model_file
from reidgen.retrieval import extract, open_images
from tests.inference.conftest import CALIBRATION, expected_features, info_of


def test_features_are_those_of_the_definition_in_any_number_of_batches(model_file, pixels, paths):
    expected = torch.from_numpy(expected_features(pixels)).float()
    for size in (1, 3, 7, None):
        model = reidgen.load(model_file, 'cpu', size)
        torch.testing.assert_close(model.embed(paths), expected, rtol=0, atol=1e-6)
    assert model.embed(pixels[0]).shape == (1, 6)


def test_larger_images_are_resized_as_in_the_test(model, pixels):
    large = pixels.repeat(4, axis=1).repeat(4, axis=2)
    far = (model.embed(large) - model.embed(pixels)).abs().max()
    assert 0 < far < 0.1  # the mean of a stripe stays but for the filter at its edges


def test_the_batch_is_halved_until_it_fits_and_stays_so(model, pixels, monkeypatch):
    step, sizes = model.extractor.model.val_step, []

    def limited(batch):
        sizes.append(len(batch.img))
        if len(batch.img) > 2:
            raise torch.OutOfMemoryError('CUDA out of memory')
        return step(batch)

    expected = model.embed(pixels)
    monkeypatch.setattr(model.extractor.model, 'val_step', limited)
    model._batches.size = 8
    assert torch.equal(model.embed(pixels), expected)
    assert model.batch_size == 2
    assert sizes == [7, 4, 2, 2, 2, 1]


def test_memory_that_takes_no_image_and_other_errors_are_told(model, pixels, monkeypatch):
    def fail(batch):
        raise RuntimeError(message)

    monkeypatch.setattr(model.extractor.model, 'val_step', fail)
    message = "DefaultCPUAllocator: can't allocate memory"
    with pytest.raises(RuntimeError, match=r'the memory of cpu does not suffice for one image'):
        model.embed(pixels)
    message = 'something else'
    with pytest.raises(RuntimeError, match='something else'):
        model.embed(pixels)


def test_comparison_is_the_calibration_of_the_distance(model, pixels):
    features = expected_features(pixels)
    pairs = model.compare(pixels[:3], pixels[3:6])
    for row, found in enumerate(pairs):
        distance = ((features[row] - features[row + 3]) ** 2).sum()
        assert found.similarity == pytest.approx(features[row] @ features[row + 3], abs=1e-6)
        assert found.score == pytest.approx(1 / (1 + math.exp(2 * distance - 3)), abs=1e-6)
        assert found.threshold == 1 - CALIBRATION['threshold'] / 2
        assert found.match == (distance <= CALIBRATION['threshold'])
    same = model.compare(pixels[0], pixels[0])
    assert same.match
    assert same.similarity == 1
    with pytest.raises(ValueError, match='a has 2 images and b 3'):
        model.compare(pixels[:2], pixels[:3])


def test_a_file_without_threshold_says_how_to_get_one(tmp_path, pixels):
    path = tmp_path / 'a.safetensors'
    write_model_file(path, info_of(calibration={}), {'E_c.weight': torch.tensor(1.0)})
    with pytest.raises(ValueError, match=r'has no threshold; .*`reidgen test .*--results'):
        reidgen.load(path).compare(pixels[0], pixels[1])


def test_search_lists_images_by_similarity(model, pixels, paths):
    features = expected_features(pixels)
    similar = features[:2] @ features.T
    for query, found in enumerate(model.search(pixels[:2], paths, top=4)):
        order = np.argsort(-similar[query])[:4]
        assert [each.row for each in found] == order.tolist()
        assert [each.path for each in found] == [str(paths[row]) for row in order]
        assert [each.similarity for each in found] == pytest.approx(similar[query][order], abs=1e-6)
    one = model.search(paths[0], pixels, top=99)
    assert len(one) == 7
    assert (one[0].row, one[0].path) == (0, None)


def test_search_of_a_store_is_that_of_its_images(model, paths, tmp_path):
    extract(model.extractor, open_images(tmp_path, model.info.transforms), tmp_path / 'store')
    found = model.search(paths[1], tmp_path / 'store', top=3)
    images = model.search(paths[1], paths, top=3)
    assert [each.path for each in found] == [each.path for each in images]


def test_a_store_of_another_encoder_is_refused(model, paths, tmp_path):
    extract(model.extractor, open_images(tmp_path, model.info.transforms), tmp_path / 'store')
    write_model_file(tmp_path / 'b.safetensors', info_of(), {'E_c.weight': torch.tensor(1.0)})
    with pytest.raises(ValueError, match=r'store are of another encoder: .*reidgen extract MODEL'):
        reidgen.load(tmp_path / 'b.safetensors').search(paths[0], tmp_path / 'store')


def test_what_a_file_does_not_have_is_refused(tmp_path, model, pixels):
    with pytest.raises(ValueError, match='has no generators; export the model again'):
        model.translate(pixels, 'target')
    with pytest.raises(ValueError, match='top is 0'):
        model.search(pixels, pixels, top=0)


@pytest.mark.slow
def test_the_model_of_the_repository_tells_rendered_persons_apart():
    model = reidgen.load('synth', 'cpu')
    assert model.info.metrics['mAP'] > 60
    assert model.embed(np.zeros((2, 50, 20, 3), np.uint8)).shape == (2, 1280)
