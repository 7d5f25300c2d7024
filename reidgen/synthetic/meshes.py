"""Pose maps: renderings of the body mesh in a picture's box, at its own and turned views."""

from collections.abc import Sequence

import cv2
import numpy as np

from reidgen.synthetic.body import Body
from reidgen.synthetic.geometry import turned
from reidgen.synthetic.raster import Corners, nearest, rasterise
from reidgen.synthetic.scene import SCALE, SIZE, Shot

TURNS = (0, 45, 90, 135, 180, 225, 270, 315)
MESH_LIGHT = np.array([0.25, -0.8, 0.55], np.float32) / np.sqrt(0.25**2 + 0.8**2 + 0.55**2)


def mesh_views(body: Body, shot: Shot, turns_deg: Sequence[int] = TURNS) -> list[np.ndarray]:
    """Grey renderings (H, W) uint8 of the body in the shot's box, one a turn; 0 outside."""
    surface = body.surfaces['mesh']
    faces, normals = surface.faces, surface.normals(shot.person.naked)
    vertices = shot.person.naked[surface.vertices] + body.mesh_growth * normals
    height, width = SIZE[0], SIZE[1] * SCALE  # sharp edges matter across the body
    views = []
    for turn in turns_deg:
        yaw = shot.yaw_deg + turn
        points, nearness = shot.view.to_pixels(turned(vertices, yaw), (height, width))
        fragments = rasterise(points, nearness, faces, height, width)
        winner = nearest(fragments.pixel, fragments.nearness, height * width)
        pixel = np.nonzero(winner >= 0)[0]
        facing = normals @ turned(MESH_LIGHT[None], -yaw).T  # the light turned, not the body
        lit = Corners.of(facing, faces).at(fragments.take(winner[pixel]))[0]
        plane = np.zeros(height * width, np.float32)
        plane[pixel] = (0.30 + 0.62 * np.clip(lit, 0, 1)) * 255
        views.append(
            cv2.resize(
                plane.reshape(height, width), SIZE[::-1], interpolation=cv2.INTER_AREA
            ).astype(np.uint8)
        )
    return views
