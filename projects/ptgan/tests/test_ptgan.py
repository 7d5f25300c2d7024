import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import get_model
from torchvision.transforms.v2 import functional as vision

from projects.ptgan import segment
from projects.ptgan.ptgan import DatasetMask, MaskFolder, segmentation
from projects.ptgan.ptgan.foreground import foreground_difference
from projects.ptgan.ptgan.masks import dilated
from projects.ptgan.ptgan.segmentation import PersonSegmenter
from reidgen.datasets import Record, ShapesReID
from reidgen.engine.config import load_config
from reidgen.engine.step import weigh

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'ptgan_smoke.py'
MASKS = {'DatasetMask', 'MaskFolder'}


def drawn_figures(cfg) -> None:
    """Changes a config in place to small networks, drawn figures and one iteration."""
    small = load_config(SMOKE)
    for loader in cfg.train_dataloader.values():
        assert loader.dataset.pose_map.type in MASKS
    cfg.model.networks, cfg.model.pool = small.model.networks, small.model.pool
    cfg.train_dataloader = small.train_dataloader
    cfg.train_cfg.stages[0].iters = 1


# ---- the model ----


@pytest.mark.parametrize('name', ['ptgan_market2duke', 'ptgan_synth'])
def test_every_config_builds_on_drawn_figures(name, check_builds):
    check_builds(CONFIGS / f'{name}.py', drawn_figures)


def test_a_phase_moves_exactly_what_it_names(step_of):
    step = step_of(SMOKE)
    assert step.moves('G') == {'G', 'F'}
    assert step.moves('D') == {'D_s', 'D_t', 'pool_s', 'pool_t'}


def test_the_foreground_term_of_a_direction_moves_its_generator_alone(step_of):
    step = step_of(SMOKE)
    losses = step.model.generator_losses(step.batch, step.model.forward_translation(step.batch))
    assert step.gradients(losses['foreground.s2t']) == {'G'}
    assert step.gradients(losses['foreground.t2s']) == {'F'}


def test_the_objective_is_style_and_ten_times_the_foreground(step_of):
    step = step_of(SMOKE)
    x = step.model.forward_translation(step.batch)
    losses = step.model.generator_losses(step.batch, x)
    assert not any(term.startswith('idt') for term in losses)
    s, t = step.batch.source, step.batch.target
    expected = losses['adv.Dt'] + losses['adv.Ds']
    expected += 10 * (losses['cycle.s2t2s'] + losses['cycle.t2s2t'])
    for translated, batch in ((x.x_s2t, s), (x.x_t2s, t)):
        for row in range(
            len(translated)
        ):  # mean over the batch of a root mean square over the person
            person = (batch.pose_map[row, 0] > 0).expand(3, -1, -1)
            change = (translated[row] - batch.img[row])[person]
            expected += 10 * change.square().mean().sqrt() / len(translated)
    torch.testing.assert_close(weigh(losses, step.model.loss_weights, 'G'), expected)


def test_without_the_foreground_term_the_rest_is_cyclegans(step_of):
    step = step_of(SMOKE, {'model.loss_weights.foreground': 0.0})
    losses = step.model.generator_losses(step.batch, step.model.forward_translation(step.batch))
    assert sorted(losses) == ['adv.Ds', 'adv.Dt', 'cycle.s2t2s', 'cycle.t2s2t']


def test_masks_come_augmented_with_their_images_and_cut_at_one_half(step_of):
    step = step_of(SMOKE)
    masks = step.model.masks(step.batch.source)
    assert masks.shape == (2, 1, 64, 32)
    assert set(masks.unique().tolist()) == {0, 1}
    # the figures are dressed, the background of domain a is light and grey: person and background
    # differ in saturation wherever flip and crop have put them
    img = step.batch.source.img
    saturation = img.amax(1, keepdim=True) - img.amin(1, keepdim=True)
    assert saturation[masks == 1].mean() > 2 * saturation[masks == 0].mean()
    step.model.soft_masks = True
    soft = step.model.masks(step.batch.source)
    assert torch.equal((soft > 0.5).float(), masks)
    assert len(soft.unique()) > 2


def test_a_loader_without_masks_is_refused_before_training(build):
    def no_masks(cfg):
        del cfg.train_dataloader.target.dataset['pose_map']

    with pytest.raises(ValueError, match='needs a mask of every image, but the loader target'):
        build(SMOKE, change=no_masks).train()


def test_a_misspelt_reduction_is_refused_when_the_model_is_built(build):
    with pytest.raises(ValueError, match="id_reduce is 'l2'; choose one of rms, norm, mse"):
        build(SMOKE, {'model.id_reduce': 'l2'})


# ---- the foreground term ----


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return torch.rand(2, 3, 8, 4) * 2 - 1, torch.rand(2, 3, 8, 4) * 2 - 1


@pytest.mark.parametrize('reduction', ['rms', 'norm', 'mse'])
def test_without_a_person_there_is_no_loss_and_no_gradient(reduction, pair):
    translated = pair[0].requires_grad_()
    loss = foreground_difference(translated, pair[1], torch.zeros(2, 1, 8, 4), reduction)
    loss.backward()
    assert loss.item() <= 1.01e-4
    assert translated.grad.abs().max() == 0


def test_a_constant_change_of_delta_has_the_closed_forms():
    image, mask = torch.zeros(2, 3, 8, 4), torch.ones(2, 1, 8, 4)
    forms = {'rms': 0.3, 'norm': 0.3 * math.sqrt(3 * 8 * 4), 'mse': 0.09}
    for reduction, expected in forms.items():
        loss = foreground_difference(image - 0.3, image, mask, reduction)
        assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_default_does_not_depend_on_how_much_of_the_picture_the_person_fills():
    image, mask = torch.zeros(1, 3, 8, 4), torch.zeros(1, 1, 8, 4)
    losses = []
    for rows in (2, 4, 8):
        mask[:, :, :rows] = 1
        losses.append(foreground_difference(image + 0.5, image, mask).item())
    assert losses == pytest.approx([0.5] * 3)


def test_pixels_outside_the_mask_are_free_and_a_mirror_changes_nothing(pair):
    translated, image = pair
    mask = torch.zeros(2, 1, 8, 4)
    mask[:, :, 2:6, 1:3] = 1
    loss = foreground_difference(translated, image, mask)
    elsewhere = torch.where(mask.bool(), translated, torch.randn_like(translated))
    assert foreground_difference(elsewhere, image, mask) == loss
    mirrored = foreground_difference(translated.flip(-1), image.flip(-1), mask.flip(-1))
    assert mirrored.item() == pytest.approx(loss.item(), rel=1e-6)


@pytest.mark.parametrize('reduction', ['rms', 'norm', 'mse'])
def test_the_gradient_is_finite_where_nothing_has_changed(reduction, pair):
    translated = pair[0].clone().requires_grad_()
    foreground_difference(translated, pair[0], torch.ones(2, 1, 8, 4), reduction).backward()
    assert torch.isfinite(translated.grad).all()


# ---- masks ----


def test_a_mask_of_the_data_set_is_flipped_with_its_image():
    flip = [dict(type='RandomFlip', prob=1.0)]
    plain = ShapesReID(pose_map=DatasetMask())[0]
    flipped = ShapesReID(pose_map=DatasetMask(), transforms=flip)[0]
    assert torch.equal(flipped.img, vision.horizontal_flip(plain.img))
    assert torch.equal(flipped.pose_map, vision.horizontal_flip(plain.pose_map))


def test_a_data_set_without_masks_is_told_what_to_do():
    with pytest.raises(TypeError, match=r'object has no masks .*MaskFolder.*segment\.py'):
        DatasetMask().attach(object())


def test_dilation_grows_the_mask_by_so_many_pixels():
    mask = torch.zeros(1, 7, 7, dtype=torch.uint8)
    mask[0, 3, 3] = 255
    grown = dilated(mask, 2)
    assert grown.dtype == torch.uint8
    assert (grown[0, 1:6, 1:6] == 255).all()
    assert (grown == 255).sum() == 25
    with pytest.raises(ValueError, match='dilate is -1'):
        DatasetMask(dilate=-1)


def test_masks_of_a_folder_are_found_by_name_and_missing_ones_are_counted(tmp_path):
    Image.new('L', (4, 8), 255).save(tmp_path / '0001_c1_000.png')
    masks = MaskFolder(str(tmp_path))
    here, absent = Record('x/0001_c1_000.jpg', 1, 0), Record('x/0002_c1_000.jpg', 2, 0)
    image = torch.zeros(3, 8, 4, dtype=torch.uint8)
    assert masks.missing(here, 'train') == []
    assert masks.load(here, 'train', None, image).tolist() == [[[255] * 4] * 8]
    assert masks.missing(absent, 'train') == [str(tmp_path / '0002_c1_000.png')]
    with pytest.raises(ValueError, match=r'7 of 8 images lack pose maps(.*\n)*Fix: .*segment\.py'):
        ShapesReID(num_identities=2, pose_map=dict(type='MaskFolder', root=str(tmp_path)))


def test_a_missing_mask_may_be_the_whole_picture_with_one_warning(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(
        'projects.ptgan.ptgan.masks.print_log', lambda message, *_: told.append(message)
    )
    data = ShapesReID(
        num_identities=2,
        pose_map=dict(type='MaskFolder', root=str(tmp_path), on_missing='ones'),
    )
    assert (data[0].pose_map == 255).all()
    assert len(data) == 8
    assert len(told) == 1
    with pytest.raises(ValueError, match="on_missing is 'zeros'; choose one of raise, ones"):
        MaskFolder('x', on_missing='zeros')


# ---- segmentation ----


def test_segmentation_without_weights_is_an_error_that_names_the_cache(tmp_path, monkeypatch):
    def download(url, *args, **kwargs):
        raise OSError('no route to host')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    with pytest.raises(FileNotFoundError) as error:
        PersonSegmenter()
    for part in (str(tmp_path / 'hub'), 'no route to host', 'deeplabv3_resnet50', '--weights'):
        assert part in str(error.value)
    with pytest.raises(ValueError, match="network is 'pspnet'; choose one of"):
        PersonSegmenter('pspnet')


class Stripe(nn.Module):
    """Segmentation network that predicts person (class 15) in the left half of the image."""

    def forward(self, x):
        logits = x.new_zeros(1, 21, *x.shape[2:])
        logits[:, 15, :, : x.shape[3] // 2] = 9
        logits[:, 0, :, x.shape[3] // 2 :] = 9
        return {'out': logits}


def test_a_local_file_is_used_and_the_mask_has_the_size_of_the_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(segmentation, 'HEIGHT', 64)  # seconds instead of minutes
    name = 'lraspp_mobilenet_v3_large'
    torch.save(
        get_model(name, weights=None, weights_backbone=None).state_dict(), tmp_path / 'w.pth'
    )
    segmenter = PersonSegmenter(name, tmp_path / 'w.pth')
    image = torch.randint(0, 256, (3, 20, 10), dtype=torch.uint8)
    mask = segmenter(image)
    assert mask.shape == (1, 20, 10)
    assert set(mask.unique().tolist()) <= {0, 255}
    segmenter.network = Stripe()
    assert segmenter(image)[0, 0].tolist() == [255] * 5 + [0] * 5
    with pytest.raises(ValueError, match='does not fit fcn_resnet50'):
        PersonSegmenter('fcn_resnet50', tmp_path / 'w.pth')


def test_the_script_writes_the_masks_that_a_folder_reads_and_keeps_those_there(
    tmp_path, monkeypatch
):
    class Everywhere(nn.Module):
        mean = torch.zeros(1)

        def __init__(self, network, weights):
            super().__init__()

        def forward(self, image):
            return image.new_full((1, *image.shape[1:]), 255)

    monkeypatch.setattr(segment, 'PersonSegmenter', Everywhere)
    args = segment.parse_args(['ShapesReID', 'domain=a', '--out', str(tmp_path)])
    assert segment.segment(args) == 32
    next(tmp_path.glob('*.png')).unlink()
    assert segment.segment(args) == 1
    data = ShapesReID(pose_map=dict(type='MaskFolder', root=str(tmp_path)))
    assert (data[31].pose_map == 255).all()


def test_the_smoke_config_trains_draws_its_grid_and_translates_the_source(trains_and_translates):
    trains_and_translates(SMOKE)
