"""Rerendering of planned pictures: under another domain's cameras, or from another side.

Person, pose, the box and the angle that they are seen from stay, and the way they face unless they
are turned; scene, light and sensor are the other camera's. What an oracle such as synth_a2b changes
can be taken apart so: there pose, way and box are the other camera's too.
"""

import numpy as np

from reidgen.synthetic.camera import STYLES
from reidgen.synthetic.plan import Job, Picture, Plan
from reidgen.synthetic.scene import Photograph, photograph
from reidgen.synthetic.writer import cameras_of, make_outfit, occluders_of, shoot


def rerender(
    plan: Plan,
    other: Plan,
    job: Job,
    picture: Picture,
    turn_deg: float = 0.0,
    place: Picture | None = None,
) -> Photograph:
    """Picture rerendered under the camera of the same number of another plan.

    Args:
        plan: whose pose, box and viewpoint the picture has.
        other: the same people under other cameras; `plan` itself gives the picture as it was
            rendered.
        picture: one of `plan.pictures(job)`.
        turn_deg: of the person about the vertical axis, as the pose map of that view is turned.
        place: one of `other.pictures(job)` by the same camera, at whose place under the lamps the
            person stands; None: the picture's own place, or where it has no lamps, beside one.

    Raises:
        ValueError: the other plan is of other people.
    """
    if (other.people, other.seeds) != (plan.people, plan.seeds):
        raise ValueError(
            f'{other.domain} ({other.seeds}) has other people than {plan.domain} ({plan.seeds}); '
            f'choose a domain with people of {plan.people}, and equal seeds'
        )
    outfit = make_outfit(plan, job)
    shot, rng = shoot(plan, job, picture, outfit)
    here, there = (
        cameras_of(each.cameras, each.seeds.camera)[picture.camera] for each in (plan, other)
    )
    if there.light.lamps is not None:
        # the lamps' places are part of the light
        light = there.light if here.light.lamps is None else shot.light
        if place is not None:
            light = shoot(other, job, place, outfit)[0].light
    else:
        light = there.light._replace(
            sun=there.light.sun * _share(shot.light.sun, here.light.sun),
            ambient=there.light.ambient * _share(shot.light.ambient, here.light.ambient),
        )
    return photograph(
        outfit,
        shot._replace(light=light, yaw_deg=shot.yaw_deg + turn_deg),
        there,
        STYLES[other.cameras],
        rng,
        occluders_of(other, picture.camera),
    )


def _share(now: np.ndarray, usual: np.ndarray) -> np.float32:
    """Brightness of a picture's light relative to the camera's."""
    return np.float32(now.sum() / usual.sum())


def mixed(person: Photograph, scene: Photograph) -> np.ndarray:
    """Composite (H, W, 3) uint8: the person of one picture, by its mask, over another picture.

    Where the other one's own person stands, and not the first's, their pixels stay.
    """
    return np.where(person.parts[..., None] > 0, person.image, scene.image)
