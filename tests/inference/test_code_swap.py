"""Appearance codes of two images that change places."""

import numpy as np
import pytest
import torch

import reidgen
from reidgen.inference import pack
from reidgen.inference.packing import Packing
from tests.inference.conftest import untrained
from tests.inference.test_packing import CYCLE, IMAGES


def luma_of(image: np.ndarray) -> torch.Tensor:
    """Map (1, 1, H, W) in -1..1 of an image (H, W, 3) uint8: its luma, rounded to 256 steps."""
    rounded = np.floor(image @ np.array([0.299, 0.587, 0.114]) + 0.5 + 1e-9)
    return torch.from_numpy(rounded).float()[None, None] / 127.5 - 1


@pytest.mark.slow
def test_each_image_is_decoded_from_its_structure_and_the_content_of_the_other(tiny, tmp_path):
    out = tmp_path / 'tiny.safetensors'
    options = {
        f'train_dataloader.{name}.dataset.pose_map': dict(type='Grayscale', _delete_=True)
        for name in ('source', 'target')
    }
    pack(tiny.config, tiny.checkpoint, out, Packing(translate=True), options)
    model = reidgen.load(out, 'cpu', batch_size=1)  # both are needed at once whatever it is
    a, b = IMAGES[:2]
    networks, normalizer = tiny.extractor.model, tiny.extractor.model.data_preprocessor
    for domain, decoder in (('target', networks.G), ('source', networks.F)):
        found = model.swap(a, b, domain)
        for row, (structure, appearance) in enumerate(((a, b), (b, a))):
            img = torch.from_numpy(appearance).permute(2, 0, 1)[None]
            with torch.no_grad():
                content = networks.E_c(normalizer(img)).content
                expected = decoder(networks.E_p(luma_of(structure)), content)
            pixels = ((expected + normalizer.shift) / normalizer.scale).clamp(0, 255)
            assert (found[row] - pixels[0]).abs().max() < 0.51  # rounded


def test_a_model_without_separate_codes_is_refused(tmp_path):
    out = tmp_path / 'cycle.safetensors'
    pack(CYCLE, untrained(CYCLE, tmp_path / 'cycle.pth'), out, Packing(translate=True))
    with pytest.raises(ValueError, match='CycleGAN has no separate codes of structure'):
        reidgen.load(out, 'cpu').swap(*IMAGES[:2], 'target')
