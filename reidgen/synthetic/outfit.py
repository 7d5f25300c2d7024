"""Dressed person as triangle meshes: layers offset from the body along its normals.

MakeHuman's helper surfaces (tights, skirt, hair) follow body and skeleton; each garment is a piece
of one, moved outward. Bags and hair buns are rounded boxes that hang on a bone.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from reidgen.synthetic.body import SOLES, Bent, Body
from reidgen.synthetic.fabric import Places
from reidgen.synthetic.geometry import rounded_box
from reidgen.synthetic.identity import Identity
from reidgen.synthetic.raster import Corners

SKIN, UPPER, LOWER, SKIRT, HAIR, BAG = range(6)
HAIR_THICKNESS = {
    'bald': 0.0,
    'crop': 0.006,
    'short': 0.016,
    'medium': 0.02,
    'long': 0.018,
    'bun': 0.012,
}
HAT_THICKNESS = 0.02
SKIN_MARGIN = 0.012  # how far under a garment skin is still drawn


class Grown(NamedTuple):
    """Part of a body surface, offset outward."""

    layer: int
    surface: str
    rows: np.ndarray  # (V,) vertices of the surface
    faces: np.ndarray  # (T, 3) rows of `rows`
    offset: np.ndarray  # (V, 1)


class Hung(NamedTuple):
    """Rounded box attached to a bone."""

    layer: int
    points: np.ndarray  # (V, 3) at rest, or around the bone's begin if `upright`
    faces: np.ndarray
    normals: np.ndarray
    bone: int
    upright: bool  # moves with the bone and does not turn with it
    places: np.ndarray  # (V, 7), see Body.attributes


class Posed(NamedTuple):
    """Posed dressed person, feet on the ground at the origin, facing -y."""

    vertices: np.ndarray  # (V, 3) float32 of the outfit
    normals: np.ndarray  # (V, 3)
    joints: np.ndarray  # (18, 3)
    naked: np.ndarray  # (V', 3) of the body


class Outfit:
    """Clothing layers of a person, built once and posed for every picture.

    Attributes:
        faces: (T, 3) of all layers together.
        layers: (T,) int8 of each face.
    """

    def __init__(self, body: Body, identity: Identity):
        self.body, self.identity = body, identity
        self.shape = body.shape(identity.body)
        self._grown = _garments(body, identity)
        self._hung = [hung for hung in (self._bun(), self._bag()) if hung is not None]
        places, faces, layers, count = [], [], [], 0
        for part in (*self._grown, *self._hung):
            if isinstance(part, Grown):
                part_places = body.attributes[body.surfaces[part.surface].vertices[part.rows]]
            else:
                part_places = part.places
            places.append(part_places)
            faces.append(part.faces + count)
            layers.append(np.full(len(part.faces), part.layer, np.int8))
            count += len(part_places)
        self.faces, self.layers = np.concatenate(faces), np.concatenate(layers)
        self.attributes = np.concatenate(places).astype(np.float32)  # (V, 7)

    @cached_property
    def places(self) -> Corners:
        """Body positions of the vertices, for interpolation."""
        return Corners.of(self.attributes, self.faces)

    def posed(self, rotations: dict[str, np.ndarray]) -> Posed:
        """Person in a pose."""
        bent = self.body.bend(self.shape, rotations)
        vertices, normals, of_surface = [], [], {}
        for part in self._grown:
            surface = self.body.surfaces[part.surface]
            if part.surface not in of_surface:
                of_surface[part.surface] = surface.normals(bent.vertices)
            outward = of_surface[part.surface][part.rows]
            vertices.append(bent.vertices[surface.vertices[part.rows]] + part.offset * outward)
            normals.append(outward)
        for part in self._hung:
            turn, shift = self._hang(part, bent)
            vertices.append(part.points @ turn.T + shift)
            normals.append(part.normals @ turn.T)
        together = np.concatenate(vertices)
        ground = np.array([*bent.bones[0, :2], together[:, 2].min()])
        return Posed(
            (together - ground).astype(np.float32),
            np.concatenate(normals).astype(np.float32),
            self.body.joints(bent) - ground,
            (bent.vertices - ground).astype(np.float32),
        )

    @staticmethod
    def _hang(part: Hung, bent: Bent) -> tuple[np.ndarray, np.ndarray]:
        if part.upright:
            return np.eye(3), bent.bones[part.bone]
        transform = bent.transforms[part.bone]
        return transform[:, :3], transform[:, 3]

    def _bun(self) -> Hung | None:
        if self.identity.hair != 'bun':
            return None
        centre = self.shape.vertices[self.body.scalp > 0.5].mean(0) + [0, 0.10, -0.01]
        points, faces, normals = rounded_box((0.09, 0.09, 0.09), 6)
        places = np.zeros((len(points), 7))
        places[:, :3] = 0.95  # high up, where hair is never cut
        return Hung(
            HAIR, points + centre, faces, normals, self.body.bones.index('head'), False, places
        )

    def _bag(self) -> Hung | None:
        kind, side = self.identity.bag, self.identity.bag_side
        if kind == 'none':
            return None
        rest, begins, bones = self.shape.vertices, self.shape.bones, self.body.bones
        if kind == 'backpack':
            tights, template = self.body.surfaces['tights'].vertices, self.body.template
            back = tights[
                (np.abs(template[tights, 0]) < 0.1) & (np.abs(template[tights, 2] - 0.48) < 0.12)
            ]
            size, bone = (0.30, 0.17, 0.42), 'spine02'
            centre = [0, rest[back, 1].max() + 0.075, begins[bones.index('spine01'), 2] - 0.08]
        elif kind == 'shoulder':
            size, bone = (0.10, 0.32, 0.25), 'root'
            hip = begins[bones.index('upperleg01.L')]
            centre = [side * (hip[0] + 0.12), 0.03, hip[2] - 0.02]
        else:  # carried in a hand
            size, bone = (0.12, 0.30, 0.24), 'wrist.L' if side > 0 else 'wrist.R'
            centre = [0, -0.03, -0.24]
        points, faces, normals = rounded_box(size, 8)
        places = np.zeros((len(points), 7))
        places[:, :3] = points
        return Hung(
            BAG,
            points + np.array(centre),
            faces,
            normals,
            bones.index(bone),
            kind == 'handbag',
            places,
        )


def _garments(body: Body, identity: Identity) -> list[Grown]:
    """Layers of skin, cloth and long hair."""
    upper, lower = identity.upper, identity.lower
    parts = [_skin(body, identity)]
    tights = body.surfaces['tights']
    faces, z, s = (
        tights.faces,
        body.template[tights.vertices, 2],
        body.attributes[tights.vertices, 3],
    )
    arm = body.arm[tights.vertices]
    on_arm = arm[faces].max(1) > 0.3
    on_trunk = (z[faces].max(1) > upper.hem) & (z[faces].min(1) < 0.8)
    keep = np.where(on_arm, s[faces].min(1) < upper.sleeve, on_trunk)
    thickness = upper.offset + 0.5 * lower.offset * (arm < 0.5)
    parts.append(_piece(UPPER, 'tights', faces[keep], thickness))
    if lower.kind != 'skirt':
        keep = (z[faces].max(1) > lower.hem) & (z[faces].min(1) < 0.3) & ~on_arm
        thickness = lower.offset + lower.flare * np.clip((0.05 - z) / 0.8, 0, 1)
        parts.append(_piece(LOWER, 'tights', faces[keep], thickness))
    skirt = body.surfaces['skirt']
    lowest = body.template[skirt.vertices, 2][skirt.faces].max(1)
    if upper.kind == 'coat' and upper.hem < 0.02:
        parts.append(
            _piece(
                UPPER, 'skirt', skirt.faces[lowest > upper.hem], np.full(len(skirt.vertices), 0.012)
            )
        )
    if lower.kind == 'skirt':
        parts.append(
            _piece(
                SKIRT, 'skirt', skirt.faces[lowest > lower.hem], np.full(len(skirt.vertices), 0.002)
            )
        )
    if identity.hair in ('long', 'medium'):
        hair = body.surfaces['hair']
        parts.append(_piece(HAIR, 'hair', hair.faces, np.zeros(len(hair.vertices))))
    return parts


def _skin(body: Body, identity: Identity) -> Grown:
    """Skin layer with short hair, hat and soles, without the parts hidden by clothes."""
    skin = body.surfaces['skin']
    thickness = HAIR_THICKNESS[identity.hair]
    if identity.hat is not None:
        thickness = max(thickness, HAT_THICKNESS)
    offset = body.scalp * thickness + body.foot * SOLES
    at = Places(*body.attributes[skin.vertices].T)
    upper, lower = identity.upper, identity.lower
    # each is a half space, or several, of what is interpolated: it holds inside if at all corners
    hidden = [
        (at.arm <= 0.5)
        & (at.z > upper.hem + SKIN_MARGIN)
        & (at.head < 0.9)
        & (at.z < upper.neck - upper.v_neck - SKIN_MARGIN),
        (at.arm > 0.5) & (at.s < upper.sleeve - SKIN_MARGIN),
    ]
    if lower.kind != 'skirt':
        hidden.append((at.z > lower.hem + SKIN_MARGIN) & (at.z < 0.25) & (at.arm < 0.4))
    unseen = np.any([corner[skin.faces].all(1) for corner in hidden], axis=0)
    return _piece(SKIN, 'skin', skin.faces[~unseen], offset[skin.vertices])


def _piece(layer: int, surface: str, faces: np.ndarray, offset: np.ndarray) -> Grown:
    rows, local = np.unique(faces, return_inverse=True)
    return Grown(layer, surface, rows, local.reshape(-1, 3), offset[rows, None])
