"""Generated images: names, content, completion of interrupted runs."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from reidgen.cli import generate, parse
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.generation import generate_images
from reidgen.engine.translation import STAMP
from reidgen.models import UnconditionalGAN

SIZE = (16, 8)
CONFIG = """
model = dict(
    type='UnconditionalGAN', loss_weights=dict(adv=1.0),
    networks=dict(
        G=dict(type='DCGANGenerator', image_size=(16, 8), base_dim=2, num_stages=2),
        D=dict(type='DCGANDiscriminator', image_size=(16, 8), base_dim=2, num_stages=2)))
"""


@pytest.fixture
def model() -> UnconditionalGAN:
    torch.manual_seed(0)
    common = dict(image_size=SIZE, base_dim=2, num_stages=2)
    networks = dict(
        G=dict(type='DCGANGenerator', **common), D=dict(type='DCGANDiscriminator', **common)
    )
    model = UnconditionalGAN(networks, dict(adv=1.0))
    torch.nn.init.normal_(model.G.stages[-1].weight)  # pictures with contrast
    return model


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob('gen_*')}


def test_images_are_those_of_their_latents_in_eval_mode(model, tmp_path):
    model.train()
    generate_images(model, tmp_path, 5, {}, seed=3, batch_size=2)
    assert model.training
    names = [f'gen_0000{number}.jpg' for number in range(5)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names, STAMP]
    img = model.eval().G(model.gan.latents(range(5), seed=3))
    for name, one in zip(names, img):
        expected = (one.detach() + 1) * 127.5
        assert (read_rgb(tmp_path / name) - expected).abs().mean() < 8  # JPEG of 16 x 8


def test_an_image_depends_on_its_number_and_the_seed_and_on_no_other_image(model, tmp_path):
    for folder, count, seed in (('few', 3, 0), ('many', 7, 0), ('other', 3, 1)):
        generate_images(model, tmp_path / folder, count, {}, seed=seed, batch_size=2)
    few, many, other = (contents(tmp_path / name) for name in ('few', 'many', 'other'))
    assert len(many) == 7
    assert all(many[name] == few[name] != other[name] for name in few)


def test_an_interrupted_run_is_completed_to_the_same_images_and_leaves_no_half_file(
    model, tmp_path, monkeypatch
):
    generate_images(model, tmp_path / 'whole', 6, {}, batch_size=4)
    save, saved = Image.Image.save, []

    def failing(image, part, **kwargs):
        saved.append(part)
        if len(saved) == 3:
            Path(part).write_bytes(b'half a file')
            raise OSError('no space left on device')
        save(image, part, **kwargs)

    monkeypatch.setattr(Image.Image, 'save', failing)
    with pytest.raises(OSError, match='no space left'):
        generate_images(model, tmp_path / 'halves', 6, {}, batch_size=4)
    assert len(contents(tmp_path / 'halves')) == 2
    generate_images(model, tmp_path / 'halves', 6, {}, batch_size=4)
    assert contents(tmp_path / 'halves') == contents(tmp_path / 'whole')


def test_images_of_another_model_seed_or_number_are_not_mixed(model, tmp_path):
    generate_images(model, tmp_path, 2, dict(checkpoint_sha256='a'))
    for stamp, count, seed in (('b', 2, 0), ('a', 3, 0), ('a', 2, 1)):
        with pytest.raises(ValueError, match=r"_sha256': 'a'.*delete the folder or choose another"):
            generate_images(model, tmp_path, count, dict(checkpoint_sha256=stamp), seed=seed)
    with pytest.raises(ValueError, match='count is 0; it must be a whole number from 1'):
        generate_images(model, tmp_path, 0, {})
    with pytest.raises(ValueError, match=r'count is 100001, seed 0; set a count up to 100,000'):
        generate_images(model, tmp_path, 100_001, {})


@pytest.mark.slow
def test_the_command_writes_the_images_of_a_checkpoint(model, tmp_path, capsys):
    config, checkpoint, out = (tmp_path / name for name in ('gan.py', 'gan.pth', 'images'))
    config.write_text(CONFIG)
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    args = [str(config), str(checkpoint), '--out', str(out), '--count', '3', '--seed', '2']
    assert generate.run(parse('generate', args)) == out
    assert f'3 generated images in {out}' in capsys.readouterr().out
    generate_images(model, tmp_path / 'expected', 3, {}, seed=2)
    assert contents(out) == contents(tmp_path / 'expected')
    stamp = json.loads((out / STAMP).read_text())
    assert (stamp['config'], stamp['images'], stamp['translator']['seed']) == ('gan', 3, 2)


def test_the_command_refuses_a_model_that_generates_nothing(tmp_path):
    args = ['configs/gcl_smoke.py', 'none.pth', '--out', str(tmp_path), '--count', '3']
    with pytest.raises(ValueError, match=r'CrossDomainGCL.*generates no images'):
        generate.run(parse('generate', args))
