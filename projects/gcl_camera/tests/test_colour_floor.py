"""The benchmark of translations pixel by pixel: fits, bands, and the truth it compares with."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from reidgen.synthetic import Plan, as_stored, rerender

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))

from colour_floor import bands_of, fitted, fitted_by, measured, translations


class Rendered:
    """Training images of one person of synth_a, drawn in memory."""

    name = 'synth_a'

    def __init__(self):
        plan = Plan.of(self.name)
        job = next(job for job in plan.jobs() if job.kind == 'train')
        pictures = plan.pictures(job)
        self.records = [SimpleNamespace(path=f'{each.name}.jpg') for each in pictures]
        self.camids = torch.tensor([each.camera for each in pictures])
        views = [as_stored(rerender(plan, plan, job, each)) for each in pictures]
        self.items = [
            SimpleNamespace(img=torch.from_numpy(view).permute(2, 0, 1)) for view in views
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: int) -> SimpleNamespace:
        return self.items[row]


def test_an_affine_map_is_found_exactly_and_one_for_each_group():
    rng = np.random.default_rng(0)
    colours, matrix = rng.uniform(0, 255, (200, 3)), rng.normal(size=(3, 3))
    wanted = colours @ matrix + [3.0, -5.0, 9.0]
    assert np.allclose(fitted(colours, wanted), wanted)
    groups = np.arange(200) % 2
    wanted = np.where(groups[:, None] == 0, wanted, 255 - colours)
    assert np.allclose(fitted_by(groups, colours, wanted), wanted)
    assert not np.allclose(fitted(colours, wanted), wanted)


def test_a_group_of_a_few_pixels_keeps_its_colours():
    colours = np.arange(30.0).reshape(10, 3)
    groups = np.array([0] * 8 + [1] * 2)
    assert np.array_equal(fitted_by(groups, colours, 2 * colours)[8:], colours[8:])


def test_bands_divide_the_height_of_the_body():
    body = np.zeros((40, 4), bool)
    body[8:24, 1:3] = True
    bands = bands_of(body)
    assert bands[8:24, 1].tolist() == [row // 2 for row in range(16)]
    assert bands[0, 0] == 0
    assert bands[39, 3] == 7


def test_a_picture_translated_as_by_its_own_number_is_taken_from_the_folder_of_that_style(tmp_path):
    source = SimpleNamespace(
        camids=torch.tensor([2, 0]), records=[SimpleNamespace(path=f'{k}.png') for k in 'ab']
    )
    for style in range(3):
        (tmp_path / str(style)).mkdir()
        Image.new('RGB', (2, 2), (style,) * 3).save(tmp_path / str(style) / 'a.png')
    read = translations(source, source, [tmp_path], 3, closed_forms=())[str(tmp_path)]
    assert read(0).max() == 2  # image 0 is as by camera 2 in style 2
    assert read(1) is None  # which has not been translated in style 2


@pytest.mark.slow
def test_images_are_compared_with_the_same_person_pose_and_side_under_the_other_camera():
    source = Rendered()
    found = translations(source, source, [], 6, closed_forms=())
    same = measured(source, 'synth_a', found, len(source))
    assert same['as they are'] == (0.0, len(source))
    night = measured(source, 'synth_a2n', found, len(source))
    errors = [error for error, _ in night.values()]
    assert errors == sorted(errors, reverse=True)  # each map of colours can do more than the last
    assert errors[0] > 20
