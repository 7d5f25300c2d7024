"""Generated images: names, content, completion of interrupted runs."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from reidgen.cli import generate, parse
from reidgen.cli.generate import autoencoded, inversions, read_images
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.generation import generate_images, in_rows, interpolation
from reidgen.engine.translation import STAMP
from reidgen.models import BEGAN, UnconditionalGAN

SIZE = (16, 8)
CONFIG = """
model = dict(
    type='UnconditionalGAN', loss_weights=dict(adv=1.0),
    networks=dict(
        G=dict(type='DCGANGenerator', image_size=(16, 8), base_dim=2, num_stages=2),
        D=dict(type='DCGANDiscriminator', image_size=(16, 8), base_dim=2, num_stages=2)))
"""


def dcgan(**options) -> UnconditionalGAN:
    torch.manual_seed(0)
    common = dict(image_size=SIZE, base_dim=2, num_stages=2, **options)
    networks = dict(
        G=dict(type='DCGANGenerator', **common), D=dict(type='DCGANDiscriminator', **common)
    )
    model = UnconditionalGAN(networks, dict(adv=1.0))
    torch.nn.init.normal_(model.G.stages[-1].weight)  # pictures with contrast
    return model


@pytest.fixture
def model() -> UnconditionalGAN:
    return dcgan()


@pytest.fixture
def began() -> BEGAN:
    torch.manual_seed(0)
    common = dict(image_size=SIZE, base_size=(4, 2), base_dim=2)
    networks = dict(
        G=dict(type='BEGANGenerator', **common), D=dict(type='BEGANDiscriminator', **common)
    )
    return BEGAN(networks, dict(adv=1.0)).eval()


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


def test_maps_of_many_channels_are_written_as_the_largest(tmp_path):
    model = dcgan(channels=5)
    generate_images(model, tmp_path, 2, {})
    img = model.eval().G(model.gan.latents(range(2)))
    for name, one in zip(('gen_00000.jpg', 'gen_00001.jpg'), img):
        expected = (one.detach().max(0).values + 1) * 127.5
        assert (read_rgb(tmp_path / name) - expected).abs().mean() < 8


# ---- pictures ----


def test_an_interpolation_leads_from_the_images_of_one_latent_to_those_of_the_other(model):
    model.eval()
    z = model.gan.latents(range(4))
    columns = interpolation(model, z[:2], z[2:])
    assert [title for title, _ in columns] == [f'{k / 9:.2f}' for k in range(10)]
    img = torch.stack([column for _, column in columns])
    torch.testing.assert_close(img[0], model.generate(z[:2]))
    torch.testing.assert_close(img[-1], model.generate(z[2:]))
    steps = (img[1:] - img[:-1]).abs().mean((1, 2, 3, 4))
    assert steps.max() < 0.5 * (img[-1] - img[0]).abs().mean()


def test_rows_of_a_picture_are_filled_up_with_white():
    images = torch.arange(5.0).view(5, 1, 1, 1).expand(-1, 3, 2, 2) / 10
    columns = in_rows([*images.split(3)], torch.ones(3, 1, 1))
    assert [[cell.mean().item() for cell in column] for _, column in columns] == [
        pytest.approx(expected) for expected in ([0, 0.3], [0.1, 0.4], [0.2, 1])
    ]


def test_real_images_are_over_what_an_autoencoder_makes_of_them(began):
    img = torch.rand(9, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    columns = torch.stack([column for _, column in autoencoded(began, img)])  # (8, 4, 3, H, W)
    assert torch.equal(columns[:, 0], img[:8])
    assert torch.equal(columns[0, 2], img[8])
    torch.testing.assert_close(columns[:, 1], began.D(img[:8]).detach())
    torch.testing.assert_close(columns[0, 3], began.D(img[8:])[0].detach())
    assert (columns[1:, 2:] == 1).all()


def test_files_go_through_the_transforms_of_the_training_that_are_fixed(began, tmp_path):
    path = tmp_path / 'photo.png'
    pixels = torch.randint(0, 256, (20, 12, 3), generator=torch.Generator().manual_seed(1))
    Image.fromarray(pixels.to(torch.uint8).numpy()).save(path)
    transforms = [
        dict(type='MapAsImage'),
        dict(type='Crop', size=SIZE, corner=(3, 2)),
        dict(type='RandomFlip', prob=1.0),
    ]
    cfg = dict(train_dataloader=dict(real=dict(dataset=dict(transforms=transforms))))
    expected = pixels[3:19, 2:10].permute(2, 0, 1) / 127.5 - 1
    torch.testing.assert_close(read_images(cfg, began, [path])[0], expected)
    assert read_images({}, began, [path, path]).shape == (2, 3, *SIZE)
    with pytest.raises(ValueError, match='makes images of 5 channels and files have 3'):
        read_images({}, dcgan(channels=5).eval(), [path])


def test_inverted_images_are_over_their_own_and_joined_by_twos(began, capsys):
    img = torch.rand(5, 3, *SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    names = [Path(f'{number}.png') for number in range(5)]
    pictures = inversions(began, img, names, 2)
    z, errors = began.gan.invert(img, 2)
    with torch.no_grad():
        expected = began.G(z)
    rows = torch.stack([column for _, column in pictures['inversion']], 1)
    assert torch.equal(rows[0], img)
    torch.testing.assert_close(rows[1], expected)
    between = pictures['inversion_interpolation']
    assert [title for title, _ in between][::11] == ['x', 'x']
    for column, rows in ((0, img[:4:2]), (1, expected[:4:2]), (-2, expected[1:4:2])):
        torch.testing.assert_close(between[column][1], rows)
    assert torch.equal(between[-1][1], img[1:4:2])
    told = capsys.readouterr().out
    assert f'4.png: mean |x - G(z)| {errors[4]:.4f}' in told
    assert inversions(began, img[:1], names[:1], 1).keys() == {'inversion'}


@pytest.mark.slow
def test_the_command_writes_images_and_pictures_of_a_checkpoint(model, tmp_path, capsys):
    config, checkpoint, out = (tmp_path / name for name in ('gan.py', 'gan.pth', 'images'))
    config.write_text(CONFIG)
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    args = [str(config), str(checkpoint), '--out', str(out), '--count', '3', '--seed', '2']
    assert generate.run(parse('generate', [*args, '--grid', '--interpolate', '2'])) == out
    assert f'3 generated images in {out}' in capsys.readouterr().out
    generate_images(model, tmp_path / 'expected', 3, {}, seed=2)
    assert contents(out) == contents(tmp_path / 'expected')
    stamp = json.loads((out / STAMP).read_text())
    assert (stamp['config'], stamp['images'], stamp['translator']['seed']) == ('gan', 3, 2)
    # beside the folder, of which every image is a generated one
    assert len([*out.iterdir()]) == 4
    grid = read_rgb(tmp_path / 'images_grid.png')
    first = read_rgb(out / 'gen_00000.jpg')
    assert torch.equal(grid[:, 16:32, 2:10], first)
    assert read_rgb(tmp_path / 'images_interpolation.png').shape == (3, 14 + 2 * 18 + 2, 102)


def refused(tmp_path, config: str, *options: str, match: str) -> None:
    args = [f'projects/pose_gan/configs/{config}.py', 'none.pth', '--out', str(tmp_path), *options]
    with pytest.raises((ValueError, FileNotFoundError), match=match):
        generate.run(parse('generate', args))


def test_the_command_refuses_what_it_cannot_draw(tmp_path):
    refused(tmp_path, 'dcgan_smoke', match='nothing is asked for; give --count, --interpolate')
    refused(tmp_path, 'dcgan_smoke', '--grid', '--interpolate', '2', match='give --count too')
    refused(tmp_path, 'dcgan_smoke', '--interpolate', '65', match='picture has 64 rows')
    refused(tmp_path, 'dcgan_smoke', '--autoencode', 'x.png', match='UnconditionalGAN.*restores')
    refused(tmp_path, 'began_smoke', '--autoencode', 'x.png', match=r'no folder or image x\.png')
    refused(tmp_path, 'dcgan_smoke', '--invert', 'x.png', match=r'no folder or image x\.png')
    for number in range(65):
        (tmp_path / f'{number}.png').touch()
    refused(tmp_path, 'began_smoke', '--autoencode', str(tmp_path), match='65 images are given')


def test_the_command_refuses_a_model_that_generates_nothing(tmp_path):
    args = ['configs/gcl_smoke.py', 'none.pth', '--out', str(tmp_path), '--count', '3']
    with pytest.raises(ValueError, match=r'CrossDomainGCL.*generates no images'):
        generate.run(parse('generate', args))
