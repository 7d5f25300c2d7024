"""Parts of `reidgen demo` that need no gradio."""

import importlib.util
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reidgen.cli import parse
from reidgen.cli.demo import run
from reidgen.demo.gallery import Gallery
from reidgen.inference import Model
from tests.inference.conftest import expected_features, model, model_file, paths, pixels  # noqa: F401


def test_nearest_pictures_are_told_with_their_similarity_and_whether_they_match(
    model: Model,  # noqa: F811
    paths: list[Path],  # noqa: F811
    pixels: np.ndarray,  # noqa: F811
):
    gallery = Gallery(model, paths)
    similarities = (expected_features(pixels) @ expected_features(pixels[2:3]).T)[:, 0]
    order = np.argsort(-similarities)[:4]
    captions = [
        f'{rank}. {similarities[row]:.2f}{" match" if similarities[row] >= 0.75 else ""} {row}.png'
        for rank, row in enumerate(order, start=1)
    ]
    assert captions[0] == '1. 1.00 match 2.png'
    found = gallery.search(np.asarray(Image.open(paths[2])), 4)
    assert [caption for _, caption in found] == captions
    for row, (image, _) in zip(order, found):
        assert np.array_equal(image, np.asarray(Image.open(paths[row])))
    assert len(gallery.search(pixels[0], 50)) == 7


def test_without_gradio_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"needs gradio.*pip install 'reidgen\[demo\]'"):
        run(parse('demo', []))


@pytest.mark.skipif(not importlib.util.find_spec('gradio'), reason='no gradio')
def test_a_port_that_is_taken_is_told_before_the_model_is_read(paths):  # noqa: F811
    folder = str(paths[0].parent)
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        given = ['--gallery', folder, '--model', 'nowhere.safetensors', '--port', str(port)]
        with pytest.raises(
            OSError, match=rf'no page can be served at 127\.0\.0\.1, port {port} \('
        ):
            run(parse('demo', given))


def test_an_empty_gallery_ends_before_the_model_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: name)
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        run(parse('demo', ['--gallery', str(tmp_path), '--model', 'nowhere.safetensors']))
