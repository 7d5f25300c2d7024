"""ONNX and torch.export programs, run on images that the export has not seen."""

import numpy as np
import pytest
import torch

from reidgen.inference import programs, write_model_file
from reidgen.inference.model import Model
from tests.inference.conftest import info_of


def several_sizes() -> list[np.ndarray]:
    """Batches (N, H, W, 3) uint8: one image, several, another size."""
    rng = np.random.default_rng(1)
    shapes = (1, 40, 20), (5, 33, 17), (2, 16, 8), (3, 100, 90)
    return [rng.integers(256, size=(*shape, 3), dtype=np.uint8) for shape in shapes]


@pytest.mark.slow
def test_an_onnx_program_takes_images_of_any_size_and_number_and_agrees(model, tmp_path):
    pytest.importorskip('onnx', reason="pip install -e '.[onnx]'")
    pytest.importorskip('onnxscript')
    onnxruntime = pytest.importorskip('onnxruntime')
    parity = programs.export_onnx(model, tmp_path / 'a.onnx')
    assert parity.exact_error < 1e-5
    assert parity.error < 1e-3  # pixels at a half round either way
    assert parity.same_ranking == parity.num_images
    session = onnxruntime.InferenceSession(tmp_path / 'a.onnx', providers=['CPUExecutionProvider'])
    for images in several_sizes():
        (found,) = session.run(None, {'images': images})
        torch.testing.assert_close(
            torch.from_numpy(found), model.embed(images), rtol=0, atol=0.005
        )  # resizing has rounded weights


@pytest.mark.slow
def test_a_torch_program_is_loaded_without_reidgen_and_agrees(model, tmp_path):
    parity = programs.export_torch(model, tmp_path / 'a.pt2')
    assert parity.error == 0
    program = torch.export.load(tmp_path / 'a.pt2').module()
    for images in several_sizes():
        found = program(torch.from_numpy(images))
        torch.testing.assert_close(found, model.embed(images), rtol=0, atol=0.005)


def test_a_program_that_gives_other_features_is_refused(model):
    program = programs.Program(model)
    with pytest.raises(RuntimeError, match=r'a\.onnx gives other features .* by 5\.0e-01'):
        programs.compare(program, model, lambda x: program(x) + 0.5, 'a.onnx')


def test_a_program_that_is_refused_leaves_the_file_of_an_earlier_one(tmp_path):
    out = tmp_path / 'a.pt2'
    with programs.unchecked(out) as path:
        path.write_text('first')

    def fail():
        with programs.unchecked(out) as path:
            path.write_text('second')
            raise RuntimeError('other features')

    with pytest.raises(RuntimeError, match='other features'):
        fail()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [('a.pt2', 'first')]


@pytest.mark.slow
def test_a_torch_program_is_written_once_it_agrees(model, tmp_path, monkeypatch):
    monkeypatch.setattr(programs, 'CLOSE', -1.0)
    with pytest.raises(RuntimeError, match=r'a\.pt2 gives other features'):
        programs.export_torch(model, tmp_path / 'a.pt2')
    assert not list(tmp_path.glob('a*'))


def test_rankings_are_compared_row_by_row():
    one = torch.tensor([[0.0], [1.0], [3.0], [6.0]])
    other = torch.tensor([[0.0], [1.0], [3.0], [-1.5]])  # the last is now beside the first
    # from 0: 0 1 2 3 is now 0 1 3 2, from 6: 3 2 1 0 is now 3 0 1 2; the others stay
    assert programs.same_rankings(one, one) == 4
    assert programs.same_rankings(one, other) == 2


@pytest.mark.parametrize(
    'transforms', [[], [dict(type='Resize', size=[16, 8], mode='nearest')]], ids=['none', 'nearest']
)
def test_other_transforms_than_one_resize_are_refused(tmp_path, transforms):
    path = tmp_path / 'a.safetensors'
    write_model_file(path, info_of(transforms=transforms), {'E_c.weight': torch.tensor(1.0)})
    with pytest.raises(ValueError, match=r'is no model of features whose test transforms are one'):
        programs.Program(Model(path))
