"""Body meshes from key points, measured on rendered people whose meshes are known.

    python tools/benchmarks/maps.py --json docs/results/raw/maps.json --picture .github/maps.jpg

Test persons of synth_a, --images of them evenly spaced. The body is fitted to COCO's 17 joints as
they are projected, those that the person hides from view included, and to damaged ones. Of each
fit: IoU of its map with that of the true mesh, in the picture's own view and over the eight views;
distance of the fitted joints from the true ones, and what the yaw is wrong by. Two bodies that are
not fitted are the floor: the mean body in the mean pose, moved and scaled to the joints, facing the
camera, or turned as the person is. One thread; times are of the processor.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ[name] = '1'
sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from hardware import machine  # noqa: E402
from torch import Tensor  # noqa: E402

from reidgen.body_fit.meshes import draw_views  # noqa: E402
from reidgen.body_fit.parameters import INDEX  # noqa: E402
from reidgen.body_fit.skeleton import POINTS, the_skeleton  # noqa: E402
from reidgen.body_fit.solver import fit_bodies, mean_bodies  # noqa: E402
from reidgen.datasets.joint_layouts import LAYOUTS  # noqa: E402
from reidgen.synthetic import TURNS, Plan  # noqa: E402
from reidgen.synthetic.camera import STYLES  # noqa: E402
from reidgen.synthetic.meshes import mesh_views  # noqa: E402
from reidgen.synthetic.scene import SIZE, Shot, photograph  # noqa: E402
from reidgen.synthetic.writer import (  # noqa: E402
    MESH_GREY,
    cameras_of,
    make_outfit,
    occluders_of,
    shoot,
    the_body,
)

COCO = [POINTS.index(name) for name in LAYOUTS['coco17'].names]
ABSENT = 4  # joints left out in a row of the table
SHOWN_TURNS = (0, 90, 225)  # of the picture


class Person(NamedTuple):
    """Rendered person."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    joints: Tensor  # (J, 3) pixels from the corner, in the order of POINTS, 1 for COCO's
    visible: Tensor  # (J,) whether nothing hides the joint
    yaw_deg: float
    maps: list[np.ndarray]  # of the true mesh, at TURNS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--images', type=int, default=200)
    parser.add_argument('--domain', default='synth_a')
    parser.add_argument('--validation', action='store_true', help='the persons for choosing')
    parser.add_argument('--json', help='write the numbers to this file')
    parser.add_argument('--picture', help='write persons and their fits to this file')
    return parser.parse_args()


def people(args: argparse.Namespace) -> Iterator[Person]:
    """Evenly spaced pictures of test persons."""
    plan = Plan.of(args.domain, 'base', validation=args.validation)
    jobs = [job for job in plan.jobs() if job.kind in ('test', 'validation')]
    pictures = [(job, picture) for job in jobs for picture in plan.pictures(job)]
    rows = np.linspace(0, len(pictures) - 1, args.images).round().astype(int)
    for job, picture in (pictures[row] for row in rows):
        outfit = make_outfit(plan, job)
        shot, rng = shoot(plan, job, picture, outfit)
        camera = cameras_of(plan.cameras, plan.seeds.camera)[picture.camera]
        taken = photograph(outfit, shot, camera, STYLES[plan.cameras], rng, occluders_of(plan))
        yield as_person(shot, taken.image, taken.joints)


def as_person(shot: Shot, image: np.ndarray, found: np.ndarray) -> Person:
    joints, visible = torch.zeros(len(POINTS), 3), torch.zeros(len(POINTS))
    joints[: len(found), :2] = torch.from_numpy(found[:, :2] + 0.5).float()
    joints[COCO, 2] = 1
    visible[: len(found)] = torch.from_numpy(found[:, 2]).float()
    return Person(image, joints, visible, shot.yaw_deg, mesh_views(the_body(), shot))


def damaged(joints: Tensor, visible: Tensor) -> dict[str, Tensor]:
    """Joints (B, J, 3) of each row of the table."""
    rng = torch.Generator().manual_seed(0)
    rows = {'exact joints': joints}
    for pixels in (2, 4):
        rows[f'noise of {pixels} px'] = joints.clone()
        moved = pixels * torch.randn(joints[..., :2].shape, generator=rng)
        rows[f'noise of {pixels} px'][..., :2] += moved
    gone = torch.stack([torch.randperm(len(COCO), generator=rng)[:ABSENT] for _ in joints])
    absent = torch.tensor(COCO)[gone]  # (B, ABSENT)
    for name in ('exact joints', 'noise of 2 px'):
        key = f'{ABSENT} of 17 absent' + ('' if name == 'exact joints' else f', {name}')
        rows[key] = rows[name].clone()
        rows[key][..., 2].scatter_(1, absent, 0)
    hidden = rows['noise of 2 px'].clone()
    hidden[..., 2] *= visible
    rows['visible joints alone, noise of 2 px'] = hidden
    return rows


def scores(values: Tensor, persons: list[Person]) -> dict[str, float]:
    """Means over the persons."""
    truth = torch.stack([person.joints for person in persons])
    distance = (the_skeleton().project(values) - truth[..., :2]).norm(dim=-1)[:, COCO]
    true_yaw = torch.tensor([person.yaw_deg for person in persons])
    yaw_error = ((values[:, INDEX['yaw']].rad2deg() - true_yaw + 180) % 360 - 180).abs()
    ious, start = [], time.process_time()
    drawn = [draw_views(each, float(SIZE[1])) for each in values]
    seconds = time.process_time() - start
    for maps, person in zip(drawn, persons):
        ious.append([iou(one, other) for one, other in zip(maps, person.maps)])
    ious = np.array(ious)
    return dict(
        iou_own=float(ious[:, 0].mean()),
        iou_all=float(ious.mean()),
        iou_own_p10=float(np.quantile(ious[:, 0], 0.1)),
        joints_px=float(distance.mean()),
        yaw_median=float(yaw_error.median()),
        yaw_p90=float(yaw_error.quantile(0.9)),
        yaw_above_90=int((yaw_error > 90).sum()),
        draw_seconds=seconds / len(persons),
    )


def iou(one: np.ndarray, other: np.ndarray) -> float:
    first, second = one > MESH_GREY, other > MESH_GREY
    return np.count_nonzero(first & second) / max(np.count_nonzero(first | second), 1)


def measure(persons: list[Person]) -> dict[str, dict]:
    """Scores by row of the table; fitted parameters are not kept."""
    joints = torch.stack([person.joints for person in persons])
    yaws = torch.tensor([person.yaw_deg for person in persons]).deg2rad()
    rows = {
        'mean body facing the camera': scores(mean_bodies(joints, torch.zeros(len(yaws))), persons),
        'mean body, true yaw': scores(mean_bodies(joints, yaws), persons),
    }
    for name, given in damaged(joints, torch.stack([each.visible for each in persons])).items():
        start = time.process_time()
        values = fit_bodies(given).values
        seconds = (time.process_time() - start) / len(persons)
        rows[name] = scores(values, persons) | dict(fit_seconds=seconds)
    for name, row in rows.items():
        print(name, {key: round(value, 3) for key, value in row.items()}, flush=True)
    return rows


def draw_picture(persons: list[Person], path: str) -> None:
    """Columns: picture, joints with noise of 2 px, then true and fitted map of SHOWN_TURNS."""
    joints = torch.stack([person.joints for person in persons])
    given = damaged(joints, torch.ones(joints.shape[:2]))['noise of 2 px']
    values, lines, limbs = fit_bodies(given).values, [], LAYOUTS['coco17'].limbs
    for person, points, each in zip(persons, given[:, COCO, :2] * 2, values):
        image = cv2.resize(person.image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        sketch = image // 2
        for a, b in limbs:
            ends = [tuple(int(c) for c in points[row].round()) for row in (a, b)]
            cv2.line(sketch, *ends, (255, 220, 60), 2, cv2.LINE_AA)
        maps = draw_views(each, float(SIZE[1]))
        shown = [m[TURNS.index(turn)] for turn in SHOWN_TURNS for m in (person.maps, maps)]
        grey = [cv2.resize(m, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for m in shown]
        lines.append(np.hstack([image, sketch, *(np.repeat(m[..., None], 3, 2) for m in grey)]))
    sheet = np.vstack([np.hstack(pair) for pair in zip(lines[::2], lines[1::2])])
    cv2.imwrite(path, sheet[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    persons = list(people(args))
    rows = measure(persons)
    if args.picture:
        draw_picture(persons[7 :: len(persons) // 4][:4], args.picture)
    if args.json:
        made = dict(
            made_by='python tools/benchmarks/maps.py --json docs/results/raw/maps.json',
            settings={k: v for k, v in vars(args).items() if k not in ('json', 'picture')},
            machine=machine(),
            rows=rows,
        )
        Path(args.json).write_text(json.dumps(made, indent=1) + '\n')


if __name__ == '__main__':
    main()
