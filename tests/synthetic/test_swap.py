from pathlib import Path

import cv2
import numpy as np
import pytest
from few_people import few

from reidgen.synthetic import PARTS, as_stored, ensure, pictures_by_name, render_swapped
from reidgen.synthetic.plan import FOLDERS, Job
from reidgen.synthetic.writer import make_outfit

pytestmark = pytest.mark.slow

UPPER = PARTS.index('upper')
PLAN = few(num_test=4)


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    return ensure(PLAN, tmp_path_factory.mktemp('swap'), maps=False)


def on_disk(folder: Path, picture) -> np.ndarray:
    return cv2.imread(str(folder / FOLDERS[picture.split] / f'{picture.name}.jpg'))[:, :, ::-1]


def test_the_own_garment_gives_the_stored_picture_of_every_person(folder):
    for job in (Job('train', 1), *(Job('test', 5001 + k) for k in range(4))):
        for picture in PLAN.pictures(job)[::4]:
            taken = render_swapped(PLAN, job, picture, job)
            np.testing.assert_array_equal(as_stored(taken), on_disk(folder, picture))


def test_another_garment_changes_nothing_but_the_garment(folder):
    changed, unchanged = [], []
    for number in range(4):
        job, wearer = Job('test', 5001 + number), Job('test', 5001 + (number + 1) % 4)
        for picture in PLAN.pictures(job)[::4]:
            before = render_swapped(PLAN, job, picture, job)
            after = render_swapped(PLAN, job, picture, wearer)
            garment = ((before.parts == UPPER) | (after.parts == UPPER)).astype(np.uint8)
            far = cv2.dilate(garment, np.ones((13, 13), np.uint8)) == 0
            moved = np.abs(before.image.astype(int) - after.image).max(2)
            unchanged.append(moved[far].max(initial=0))
            changed.append(moved[garment > 0].mean())
            for part in ('lower', 'shoes', 'hair'):
                here, there = (taken.parts == PARTS.index(part) for taken in (before, after))
                assert (here & far).sum() == (there & far).sum()
    # blur and the camera's resolution spread an edge, and no further than those pixels
    assert max(unchanged) <= 3
    assert np.mean(changed) > 20


def test_the_swapped_person_wears_the_colours_of_the_other_one():
    job, wearer = Job('test', 5001), Job('test', 5002)
    colours = [make_outfit(PLAN, who).identity.upper.colour for who in (job, wearer)]
    assert np.abs(colours[0] - colours[1]).max() > 0.1
    picture = PLAN.pictures(job)[0]
    taken = [render_swapped(PLAN, job, picture, who) for who in (job, wearer)]
    shown = [np.median(one.image[one.parts == UPPER] / 255, axis=0) for one in taken]
    # the camera's cast is the same on both: the brighter garment stays the brighter one
    channel = np.abs(colours[0] - colours[1]).argmax()
    assert (shown[1] - shown[0])[channel] * (colours[1] - colours[0])[channel] > 0


def test_pictures_are_found_by_the_names_of_their_files(folder):
    found = pictures_by_name(PLAN)
    names = {path.stem for inner in FOLDERS.values() for path in (folder / inner).iterdir()}
    assert set(found) == names
    job, picture = found[sorted(name for name in names if name.startswith('5003'))[0]]
    assert job == Job('test', 5003)
    assert picture in PLAN.pictures(job)
