"""Mesh views of fitted bodies."""

import math

import numpy as np
from torch import Tensor

from reidgen.body_fit.parameters import FIRST_SHAPE, INDEX, local_rotations
from reidgen.body_fit.skeleton import DISTANCE, the_skeleton
from reidgen.body_fit.solver import HEIGHT
from reidgen.synthetic.camera import View
from reidgen.synthetic.meshes import mesh_views
from reidgen.synthetic.outfit import Posed
from reidgen.synthetic.scene import Shot
from reidgen.synthetic.shading import Light
from reidgen.synthetic.writer import the_body

NOTHING = np.zeros((0, 3), np.float32)  # clothes, of which maps have none
DARK = Light(*np.zeros((3, 3), np.float32))  # maps have a light of their own


def draw_views(values: Tensor, width: float) -> list[np.ndarray]:
    """Maps (128, 64) uint8 of a fitted body at TURNS, the picture's own view first.

    Args:
        values: (P,) its parameters.
        width: of the picture, in pixels when it is HEIGHT pixels high.
    """
    return mesh_views(the_body(), shot_of(values, width))


def shot_of(values: Tensor, width: float) -> Shot:
    """Shot of a fitted body in the picture's box; see `draw_views`."""
    body, skeleton = the_body(), the_skeleton()
    coefficients = skeleton.shapes[0] + values[FIRST_SHAPE:] @ skeleton.shapes[1:]
    turns = local_rotations(values, skeleton.arm_axis_rad)
    rotations = {name: matrix.double().numpy() for name, matrix in zip(*turns)}
    bent = body.bend(body.shape_of(coefficients.numpy()), rotations)
    at = {name: float(values[number]) for name, number in INDEX.items()}
    view = View(math.degrees(at['elevation']), DISTANCE, 0.0, math.degrees(at['roll']))
    down = math.exp(at['scale']) * DISTANCE  # pixels by unit of the plane at depth 1
    across = down * math.exp(at['stretch'])
    view.box = (-at['x'] / across, -at['y'] / down, width / across, HEIGHT / down)
    naked = (bent.vertices - bent.bones[0]).astype(np.float32)
    person = Posed(NOTHING, NOTHING, body.joints(bent) - bent.bones[0], naked)
    return Shot(person, math.degrees(at['yaw']), view, DARK)
