"""Rerendering of planned pictures in another person's garment.

Bodies share one template in whose coordinates garments are cut, so any upper garment fits any
person. Pose, camera, box, light, background, whoever stands before the person, and the sensor's
noise are those of the stored picture: nothing but the garment differs.
"""

from functools import lru_cache

import cv2
import numpy as np

from reidgen.synthetic.camera import STYLES
from reidgen.synthetic.outfit import Outfit
from reidgen.synthetic.plan import Job, Picture, Plan
from reidgen.synthetic.poses import draw_pose
from reidgen.synthetic.scene import Photograph, photograph
from reidgen.synthetic.writer import cameras_of, make_outfit, occluders_of, shoot, the_body


def render_swapped(plan: Plan, job: Job, picture: Picture, wearer: Job) -> Photograph:
    """Picture rerendered with the person in another one's upper garment.

    Args:
        job, picture: whose picture, and which: one of `plan.pictures(job)`.
        wearer: whose garment; `job` itself gives the picture as it was rendered.
    """
    own = _outfit(plan, job)
    # the own outfit decides where the box is put, as in the stored picture
    shot, rng = shoot(plan, job, picture, own)
    upper = _outfit(plan, wearer).identity.upper
    outfit = Outfit(the_body(), own.identity._replace(upper=upper))
    pose = draw_pose(plan.stream('pose', job, picture.camera, picture.number))
    return photograph(
        outfit,
        shot._replace(person=outfit.posed(pose)),
        cameras_of(plan.cameras, plan.seeds.camera)[picture.camera],
        STYLES[plan.cameras],
        rng,
        occluders_of(plan, picture.camera),
    )


def pictures_by_name(plan: Plan) -> dict[str, tuple[Job, Picture]]:
    """Jobs and pictures by file name without suffix."""
    return {picture.name: (job, picture) for job in plan.jobs() for picture in plan.pictures(job)}


def as_stored(taken: Photograph) -> np.ndarray:
    """Image (H, W, 3) uint8 RGB of a photograph after JPEG compression."""
    options = [cv2.IMWRITE_JPEG_QUALITY, taken.quality]
    data = cv2.imencode('.jpg', np.ascontiguousarray(taken.image[:, :, ::-1]), options)[1]
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


@lru_cache(maxsize=8)
def _outfit(plan: Plan, job: Job) -> Outfit:
    return make_outfit(plan, job)
