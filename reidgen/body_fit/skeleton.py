"""Joints of the built-in body as a differentiable function of its parameters, in torch."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reidgen.body_fit.parameters import (
    FIRST_SHAPE,
    INDEX,
    NUM_SHAPES,
    local_rotations,
    rotation_about,
)
from reidgen.synthetic.body import JOINTS, Body
from reidgen.synthetic.writer import the_body

DISTANCE = 8.0  # metres of the camera from the hips
# posed bones and the next posed one above each
PARENTS = {
    'root': None,
    'spine04': 'root',
    'neck01': 'spine04',
    **{
        f'{bone}.{side}': above if above in ('root', 'spine04') else f'{above}.{side}'
        for side in 'LR'
        for bone, above in {
            'upperarm01': 'spine04',
            'lowerarm01': 'upperarm01',
            'upperleg01': 'root',
            'lowerleg01': 'upperleg01',
            'foot': 'lowerleg01',
        }.items()
    },
}
BONE_OF_JOINT = {
    **dict.fromkeys(('nose', 'r_eye', 'l_eye', 'r_ear', 'l_ear', 'head_top'), 'neck01'),
    'neck': 'spine04',
    'skull_base': 'neck01',
    'mid_hip': 'root',
    **{
        f'{side.lower()}_{joint}': bone if bone in ('root', 'spine04') else f'{bone}.{side}'
        for side in 'LR'
        for joint, bone in {
            'shoulder': 'spine04',
            'elbow': 'upperarm01',
            'wrist': 'lowerarm01',
            'hip': 'root',
            'knee': 'upperleg01',
            'ankle': 'lowerleg01',
            'big_toe': 'foot',
            'small_toe': 'foot',
            'heel': 'foot',
        }.items()
    },
}
POINTS = (*JOINTS, *(name for name in BONE_OF_JOINT if name not in JOINTS))
# names of a layout that mean another point of the body than OpenPose's do
ALIASES = {'mpii16': {'pelvis': 'mid_hip', 'thorax': 'neck', 'neck': 'skull_base'}}


class Skeleton(NamedTuple):
    """Rest pose of the posed bones and of POINTS: means and principal components.

    Attributes:
        points: (1 + K, J, 3) metres, the mean first, then a standard deviation of each component.
        pivots: (1 + K, S, 3) where each bone of PARENTS begins.
        shapes: (1 + K, C) coefficients of `Body.shape_of`.
        arm_axis_rad: of the upper arms at rest, outwards from hanging down.
    """

    points: Tensor
    pivots: Tensor
    shapes: Tensor
    arm_axis_rad: float

    def posed(self, values: Tensor) -> Tensor:
        """Positions (N, J, 3) of POINTS in metres from the root bone, of parameters (N, P)."""
        points, pivots = (
            each[0] + torch.einsum('nk,kjc->njc', values[:, FIRST_SHAPE:], each[1:])
            for each in self[:2]
        )
        local = dict(zip(*local_rotations(values, self.arm_axis_rad)))
        turns = {'root': torch.eye(3).expand(len(values), 3, 3)}
        shifts = {'root': torch.zeros(len(values), 3)}
        for number, (bone, above) in enumerate(PARENTS.items()):
            if above is None:
                continue
            turns[bone] = turns[above] @ local[bone]
            begin = pivots[:, number, :, None]
            moved = (turns[above] @ begin - turns[bone] @ begin)[..., 0]
            shifts[bone] = shifts[above] + moved
        bones = [BONE_OF_JOINT[name] for name in POINTS]
        turned = torch.stack([turns[bone] for bone in bones], 1) @ points[..., None]
        return turned[..., 0] + torch.stack([shifts[bone] for bone in bones], 1) - pivots[:, :1]

    def project(self, values: Tensor) -> Tensor:
        """Pixels (N, J, 2) of POINTS, of parameters (N, P)."""
        return pixels_of(self.posed(values), values)


def pixels_of(points: Tensor, values: Tensor) -> Tensor:
    """Pixels (N, J, 2) of points (N, J, 3) in a pinhole view as of the rendered people.

    The camera looks at the root bone from DISTANCE, down by the elevation. Weak perspective would
    draw the head of a person no larger than the feet, where a camera above them is nearer to it.

    Args:
        values: (N, P) parameters, of which those of CAMERA are read.
    """
    yaw, elevation, roll, scale, stretch, x, y = values[:, : INDEX['y'] + 1, None].unbind(1)
    turn = rotation_about('x', elevation[:, 0]) @ rotation_about('z', yaw[:, 0])
    seen = points @ turn.mT
    depth = 1 + seen[..., 1] / DISTANCE  # y is away from the camera
    across, down = seen[..., 0] / depth, -seen[..., 2] / depth
    c, s = roll.cos(), roll.sin()
    return torch.stack(
        [
            (c * across - s * down) * (scale + stretch).exp() + x,
            (s * across + c * down) * scale.exp() + y,
        ],
        -1,
    )


@lru_cache(maxsize=1)
def the_skeleton() -> Skeleton:
    """Skeleton of the built-in body."""
    body = the_body()
    mean, components = body.shape_distribution(NUM_SHAPES)
    rests = [body.shape_of(mean + each) for each in (np.zeros_like(mean), *components)]
    rows = [body.bones.index(name) for name in PARENTS]
    points = np.stack([_rest_points(body, rest.vertices, rest.bones) for rest in rests])
    pivots = np.stack([rest.bones[rows] for rest in rests])
    for table in (points, pivots):
        table[1:] -= table[:1]
    elbow, shoulder = (
        rests[0].bones[body.bones.index(f'{bone}.L')] for bone in ('lowerarm01', 'upperarm01')
    )
    arm = elbow - shoulder
    shapes = np.stack([mean, *components])
    points, pivots, shapes = (each.astype(np.float32) for each in (points, pivots, shapes))
    return Skeleton(
        torch.from_numpy(points),
        torch.from_numpy(pivots),
        torch.from_numpy(shapes),
        float(np.arctan2(arm[0], -arm[2])),
    )


def _rest_points(body: Body, vertices: np.ndarray, bones: np.ndarray) -> np.ndarray:
    """Positions (J, 3) of POINTS in the rest pose."""
    joints = body.joints_at(vertices, bones)
    extra = {
        'mid_hip': joints[[JOINTS.index('r_hip'), JOINTS.index('l_hip')]].mean(0),
        'skull_base': bones[body.bones.index('head')],
        **{name: vertices[row] for name, row in _extra_vertices(body).items()},
    }
    return np.concatenate([joints, [extra[name] for name in POINTS[len(JOINTS) :]]])


@lru_cache(maxsize=1)
def _extra_vertices(body: Body) -> dict[str, int]:
    """Vertices on top of the head and of the feet."""
    skin = body.surfaces['skin'].vertices
    x, y, z = body.template[skin].T
    found = {'head_top': skin[np.argmax(z)]}
    for side, sign in (('l', 1), ('r', -1)):
        foot = (z < -0.78) & (sign * x > 0)
        front, outside = np.where(foot, -y, -np.inf), np.where(foot, sign * x, -np.inf)
        found[f'{side}_big_toe'] = skin[np.argmax(front)]
        found[f'{side}_small_toe'] = skin[np.argmax(outside + 0.5 * front)]
        found[f'{side}_heel'] = skin[np.argmin(np.where(foot, -y, np.inf))]
    return {name: int(row) for name, row in found.items()}
