"""Rendering of the faces: one person's pictures, and the store of all."""

from itertools import groupby
from pathlib import Path

import numpy as np

from reidgen.synthetic.faces.head import the_head
from reidgen.synthetic.faces.identity import draw_face
from reidgen.synthetic.faces.plan import TRUTH_FOLDER, TRUTH_YAW, FacePicture, FacePlan
from reidgen.synthetic.faces.scene import Bust, draw_background, light_up
from reidgen.synthetic.plan import FOLDERS, Job
from reidgen.synthetic.store import Work, ensure
from reidgen.synthetic.writer import write_picture

QUALITY = 92  # of the JPEG files
NOISE = 1.5  # grey levels, standard deviation; the truth has none


def render_face(
    plan: FacePlan, job: Job, folder: Path, pictures: bool = True, maps: bool = False
) -> dict:
    """Writes all pictures of a person; `files`: fingerprint by name. `maps` must be False."""
    assert pictures
    assert not maps
    record: dict = {'files': {}, 'ious': []}
    bust = Bust(the_head(), draw_face(the_head(), plan.stream('identity', job)))
    for yaw, group in groupby(plan.pictures(job), key=lambda picture: picture.yaw):
        for picture, image in _shown(plan, job, bust, yaw, list(group)):
            name = f'{picture.folder}/{picture.name}.jpg'
            write_picture(folder, name, image[:, :, ::-1], QUALITY, record)
    return record


def _shown(
    plan: FacePlan, job: Job, bust: Bust, yaw: int, pictures: list[FacePicture]
) -> list[tuple[FacePicture, np.ndarray]]:
    """Pictures (112, 112, 3) uint8 RGB of one shot under its lights."""
    shot = plan.shot(job, yaw)
    view = bust.view(shot.pose, [picture.light for picture in pictures], shot.expression)
    is_truth = yaw == TRUTH_YAW
    wall = draw_background(None if is_truth else plan.stream('wall', job, yaw))
    shown = []
    for picture in pictures:
        image = light_up(view, picture.light, wall)
        if not is_truth:
            rng = plan.stream('noise', job, yaw, picture.light)
            noise = rng.standard_normal(image.shape, np.float32) * np.float32(NOISE)
            image = np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)
        shown.append((picture, image))
    return shown


def _finish(part: Path, records: dict[Job, dict]) -> None:
    """Nothing: faces have no lists beside the pictures."""


FACES = Work((*FOLDERS.values(), TRUTH_FOLDER), render_face, _finish)


def ensure_faces(plan: FacePlan, root: str | Path, workers: int = 1) -> Path:
    """Folder of a complete rendering, rendered now if missing; raises as `ensure`."""
    return ensure(plan, root, maps=False, workers=workers, work=FACES)
