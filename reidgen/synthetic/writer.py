"""Writer of one person's pictures and annotations."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from reidgen.synthetic.body import Body
from reidgen.synthetic.camera import NUM_CAMERAS, STYLES, Camera, draw_camera
from reidgen.synthetic.identity import draw_identity
from reidgen.synthetic.manifest import fingerprint
from reidgen.synthetic.meshes import mesh_views
from reidgen.synthetic.outfit import Outfit
from reidgen.synthetic.plan import CLOTHES, FOLDERS, LONERS, Job, Picture, Plan
from reidgen.synthetic.scene import (
    Photograph,
    Shot,
    draw_alone,
    draw_garment,
    photograph,
    take_shot,
)
from reidgen.synthetic.seeds import stream
from reidgen.synthetic.shading import Figure

NUM_PASSERS = 10
NUM_AT_NIGHT = 5  # of each camera
MAP_QUALITY, GARMENT_QUALITY = 85, 90
MESH_GREY = 20  # brighter than this, a pixel of a map is the body's


@lru_cache(maxsize=1)
def the_body() -> Body:
    """Body model, loaded once a process."""
    return Body()


@lru_cache(maxsize=2)
def cameras_of(domain: str, seed: int) -> tuple[Camera, ...]:
    """Six cameras of synth_a, synth_b or synth_n."""
    return tuple(
        draw_camera(STYLES[domain], k, stream('camera', seed, domain, k))
        for k in range(NUM_CAMERAS)
    )


def occluders_of(plan: Plan, camera: int) -> tuple[Figure, ...]:
    """Figures of passers-by in a camera (from 0), the same in every size.

    At night they are the camera's own: its lamps decide their colours. By day all cameras share
    them.
    """
    return _occluders(plan, None if STYLES[plan.cameras].night is None else camera)


@lru_cache(maxsize=2 * NUM_CAMERAS)
def _occluders(plan: Plan, own: int | None) -> tuple[Figure, ...]:
    first, count = (0, NUM_PASSERS) if own is None else (own * NUM_AT_NIGHT, NUM_AT_NIGHT)
    figures = []
    for number in range(first, first + count):
        job = Job('passer', number)
        outfit = make_outfit(plan, job)
        seen_by = number % NUM_CAMERAS if own is None else own
        camera = cameras_of(plan.cameras, plan.seeds.camera)[seen_by]
        yaw = camera.draw_yaw(plan.stream('walk', job))
        shot = take_shot(
            outfit,
            camera,
            STYLES[plan.cameras],
            yaw,
            plan.stream('pose', job),
            plan.stream('picture', job),
        )
        figures.append(draw_alone(outfit, shot))
    return tuple(figures)


def make_outfit(plan: Plan, job: Job) -> Outfit:
    """Outfit of a job's person."""
    rng = plan.stream('identity', job)
    return Outfit(the_body(), draw_identity(the_body(), CLOTHES[plan.people], rng))


def render_job(
    plan: Plan, job: Job, folder: Path, pictures: bool = True, maps: bool = True
) -> dict:
    """Writes all files of a person into the sub-folders of a folder.

    Args:
        pictures: photographs, masks, parts, and the garment.
        maps: strips of the mesh at eight turns.

    Returns:
        files: fingerprint by name; joints: {split: {file name: (18, 3)}}; ious: of the mesh and the
        silhouette, of every picture, or of the first if there are no maps.
    """
    outfit = make_outfit(plan, job)
    record = {'files': {}, 'joints': {}, 'ious': []}
    for picture in plan.pictures(job):
        shot, rng = shoot(plan, job, picture, outfit)
        own_view = None
        if maps:
            views = mesh_views(the_body(), shot)
            own_view = views[0]
            write_picture(folder, f'mesh/{picture.name}.jpg', np.hstack(views), MAP_QUALITY, record)
        if pictures:
            camera = cameras_of(plan.cameras, plan.seeds.camera)[picture.camera]
            passers = occluders_of(plan, picture.camera)
            taken = photograph(outfit, shot, camera, STYLES[plan.cameras], rng, passers)
            _write_picture(folder, picture, taken, record)
            if own_view is None and not record['ious'] and job.kind != 'junk':
                own_view = mesh_views(the_body(), shot, (0,))[0]
            if own_view is not None and job.kind != 'junk':
                record['ious'].append(_iou(own_view > MESH_GREY, taken.silhouette))
    if pictures and job.kind not in LONERS:
        write_picture(
            folder,
            f'garment/{job.number:04d}.jpg',
            draw_garment(outfit)[:, :, ::-1],
            GARMENT_QUALITY,
            record,
        )
    return record


def shoot(
    plan: Plan, job: Job, picture: Picture, outfit: Outfit
) -> tuple[Shot, np.random.Generator]:
    """Shot of a picture, and the random stream continued by the photograph."""
    camera = cameras_of(plan.cameras, plan.seeds.camera)[picture.camera]
    where = picture.camera, picture.number
    yaw = camera.draw_yaw(plan.stream('walk', job, picture.camera))  # one way through a camera
    rng = plan.stream('picture', job, *where)
    shot = take_shot(
        outfit,
        camera,
        STYLES[plan.cameras],
        yaw,
        plan.stream('pose', job, *where),
        rng,
        junk=job.kind == 'junk',
    )
    return shot, rng


def _write_picture(folder: Path, picture: Picture, taken: Photograph, record: dict) -> None:
    name = f'{picture.name}.jpg'
    write_picture(
        folder, f'{FOLDERS[picture.split]}/{name}', taken.image[:, :, ::-1], taken.quality, record
    )
    write_picture(
        folder, f'mask/{picture.name}.png', (taken.parts > 0).astype(np.uint8) * 255, 0, record
    )
    write_picture(folder, f'parts/{picture.name}.png', taken.parts, 0, record)
    joints = [
        [round(float(x), 1), round(float(y), 1), int(visible)] for x, y, visible in taken.joints
    ]
    record['joints'].setdefault(picture.split, {})[name] = joints


def write_picture(folder: Path, name: str, pixels: np.ndarray, quality: int, record: dict) -> None:
    """Writes BGR or grey pixels, encoded by suffix; adds the fingerprint to the record."""
    options = [] if name.endswith('.png') else [cv2.IMWRITE_JPEG_QUALITY, quality]
    data = cv2.imencode(name[-4:], np.ascontiguousarray(pixels), options)[1].tobytes()
    (folder / name).write_bytes(data)
    record['files'][name] = fingerprint(data, name)


def _iou(first: np.ndarray, second: np.ndarray) -> float:
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / max(union, 1)
