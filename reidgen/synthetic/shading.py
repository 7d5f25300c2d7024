"""Shading of posed layers: a lit figure without background, with its part map."""

from typing import NamedTuple

import cv2
import numpy as np

from reidgen.synthetic.fabric import Places, folds, pattern_mix, trousers_cover, upper_covers
from reidgen.synthetic.identity import Garment, Identity
from reidgen.synthetic.lamps import Lamps
from reidgen.synthetic.outfit import BAG, HAIR, LOWER, SKIN, SKIN_MARGIN, SKIRT, UPPER, Outfit
from reidgen.synthetic.raster import Corners, nearest, rasterise

# what part masks tell apart; the number is the place in the tuple
PARTS = ('background', 'skin', 'hair', 'hat', 'upper', 'lower', 'shoes', 'bag')
PART_SKIN, PART_HAIR, PART_HAT, PART_UPPER, PART_LOWER, PART_SHOES, PART_BAG = range(1, 8)
PART_OF_LAYER = np.array(
    [PART_SKIN, PART_UPPER, PART_LOWER, PART_LOWER, PART_HAIR, PART_BAG], np.uint8
)
EYE_Z, MOUTH_Z, SOLE_Z = 0.905, 0.852, -0.805
LIP_TINT = np.array([0.8, 0.5, 0.5], np.float32)


class Light(NamedTuple):
    """Light of sun and sky, in linear colours, or at night of lamps in place of the sun."""

    direction: np.ndarray  # (3,) towards the sun, or from the chest to the strongest lamp
    sun: np.ndarray  # (3,) its light, or what that lamp gives the chest
    ambient: np.ndarray  # (3,)
    lamps: Lamps | None = None


def under_lamps(lamps: Lamps, ambient: np.ndarray) -> Light:
    """Light of lamps and sky."""
    return Light(*lamps.at_chest(), ambient, lamps)


class Figure(NamedTuple):
    """Rendered person without background."""

    colour: np.ndarray  # (H, W, 3) float32 linear, 0 outside
    alpha: np.ndarray  # (H, W) float32, 0 or 1
    parts: np.ndarray  # (H, W) uint8, rows of PARTS
    nearness: np.ndarray  # (H, W) float32, 1 / depth of what is seen, 0 outside


def draw_figure(
    outfit: Outfit,
    points: np.ndarray,
    nearness: np.ndarray,
    normals: np.ndarray,
    size: tuple[int, int],
    light: Light,
    garment_only: bool = False,
    points_3d: np.ndarray | None = None,
) -> Figure:
    """Rasterised and shaded figure.

    Args:
        points, nearness: (V, 2) pixels and (V,) 1 / depth of the outfit's vertices.
        normals: (V, 3) in the camera's world.
        size: (height, width).
        garment_only: the upper garment without body, and without the straps of bags.
        points_3d: (V, 3) metres in the camera's world, under lamps.
    """
    identity, (height, width) = outfit.identity, size
    drawn = np.nonzero((outfit.layers == UPPER) | (not garment_only))[0]
    fragments = rasterise(points, nearness, outfit.faces[drawn], height, width)
    fragments = fragments._replace(face=drawn[fragments.face])
    layer = outfit.layers[fragments.face]
    places = Places(*outfit.places.at(fragments))
    kept = np.nonzero(_is_there(identity, layer, places))[0]
    winner = nearest(fragments.pixel[kept], fragments.nearness[kept], height * width)
    pixel = np.nonzero(winner >= 0)[0]
    seen = kept[winner[pixel]]
    fragments, layer, places = fragments.take(seen), layer[seen], places.take(seen)

    colour, part = _paint(identity, layer, places, straps=not garment_only)
    normal = Corners.of(normals, outfit.faces).at(fragments)  # (3, N)
    normal /= np.sqrt((normal**2).sum(0)) + 1e-6
    ambient = light.ambient * (0.775 + 0.225 * normal[2])[:, None]
    is_cloth = (layer == UPPER) | (layer == LOWER) | (layer == SKIRT)
    # of nothing, in a box beside the person, OpenCV makes a single number
    lit = np.broadcast_to(cv2.pow(colour, 2.2), colour.shape)
    if light.lamps is None:
        direct = light.sun * np.clip(light.direction @ normal, 0, 1)[:, None]
        lit = lit * (ambient + direct)
    else:
        assert points_3d is not None
        where = Corners.of(points_3d, outfit.faces).at(fragments)
        shone = light.lamps.irradiance(where, normal)[:, None]
        lit = lit * ambient + lit @ light.lamps.colour.T * shone
    lit = lit * (1 + folds(places, is_cloth))[:, None]

    figure = Figure(
        np.zeros((height * width, 3), np.float32),
        np.zeros(height * width, np.float32),
        np.zeros(height * width, np.uint8),
        np.zeros(height * width, np.float32),
    )
    for plane, values in zip(figure, (lit, 1, part, fragments.nearness)):
        plane[pixel] = values
    return Figure(
        figure.colour.reshape(height, width, 3),
        *(plane.reshape(height, width) for plane in figure[1:]),
    )


def _is_there(identity: Identity, layer: np.ndarray, places: Places) -> np.ndarray:
    """Mask (N,) bool of fragments inside their garment, without skin under clothes."""
    there = np.ones(len(layer), bool)
    upper, lower = identity.upper, identity.lower

    def at(which: int) -> tuple[np.ndarray, Places]:
        rows = np.nonzero(layer == which)[0]
        return rows, places.take(rows)

    rows, here = at(SKIN)
    there[rows] = ~(
        upper_covers(upper, here, SKIN_MARGIN) | trousers_cover(lower, here, SKIN_MARGIN)
    )
    rows, here = at(UPPER)
    there[rows] = upper_covers(upper, here)
    rows, here = at(LOWER)
    there[rows] = (here.z > lower.hem) & (here.z < 0.27) & (here.arm < 0.5)
    rows, here = at(SKIRT)
    there[rows] = here.z > lower.hem
    rows, here = at(HAIR)
    ends = identity.hair_end if identity.hair == 'long' else 0.76
    there[rows] = (here.z > ends) & ~((here.y < -0.085) & (here.z < 0.955))
    return there


def _paint(
    identity: Identity, layer: np.ndarray, places: Places, straps: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (N, 3) float32 sRGB, and parts (N,) uint8, rows of PARTS."""
    colour = np.empty((len(layer), 3), np.float32)
    part = PART_OF_LAYER[layer]
    rows = np.nonzero(layer == SKIN)[0]
    colour[rows], part[rows] = _paint_skin(identity, places.take(rows))
    rows = np.nonzero(layer == UPPER)[0]
    colour[rows], part[rows] = _paint_upper(identity, places.take(rows), straps)
    rows = np.nonzero((layer == LOWER) | (layer == SKIRT))[0]
    colour[rows] = _dyed(identity.lower, places.take(rows))
    colour[layer == HAIR] = identity.hair_colour
    rows = np.nonzero(layer == BAG)[0]
    colour[rows] = identity.bag_colour
    colour[rows[np.abs(places.z[rows] - 0.03) < 0.012]] *= np.float32(0.6)  # the zip
    return colour, part


def _dyed(garment: Garment, places: Places) -> np.ndarray:
    mix = pattern_mix(garment, places)[:, None]
    return garment.colour * (1 - mix) + garment.second * mix


def _paint_skin(identity: Identity, places: Places) -> tuple[np.ndarray, np.ndarray]:
    x, z = places.x, places.z
    colour = np.empty((len(z), 3), np.float32)
    colour[:] = identity.skin
    part = np.full(len(z), PART_SKIN, np.uint8)
    face = (places.y < -0.14) & (z > 0.835) & (places.head > 0.8)
    eyes = face & (np.abs(z - EYE_Z) < 0.012) & (np.abs(np.abs(x) - 0.033) < 0.016)
    colour[eyes] *= np.float32(0.35)
    colour[face & (np.abs(z - MOUTH_Z) < 0.006) & (np.abs(x) < 0.025)] *= LIP_TINT
    on_top = places.scalp > 0.5
    if identity.hat is not None:
        colour[on_top], part[on_top] = identity.hat, PART_HAT
    elif identity.hair != 'bald':
        colour[on_top], part[on_top] = identity.hair_colour, PART_HAIR
    shod = z < identity.shoe_top
    colour[shod], part[shod] = identity.shoes, PART_SHOES
    colour[z < SOLE_Z] = identity.shoes * 0.5
    return colour, part


def _paint_upper(identity: Identity, places: Places, straps: bool) -> tuple[np.ndarray, np.ndarray]:
    x, y, z, arm, upper = places.x, places.y, places.z, places.arm, identity.upper
    colour = _dyed(upper, places)
    part = np.full(len(z), PART_UPPER, np.uint8)
    if upper.opening:
        wide = upper.opening * (1 + 0.8 * np.clip((z - 0.3) * 2, -0.5, 1))
        colour[(np.abs(x) < wide) & (y < -0.02) & (arm < 0.3)] = upper.inner
    strap = None
    if straps and identity.bag == 'backpack':
        strap = (np.abs(np.abs(x) - 0.105) < 0.022) & (z > 0.4) & (y < 0) & (arm < 0.5)
    elif straps and identity.bag == 'shoulder':
        strap = (np.abs((z - 0.35) + identity.bag_side * x * 1.9) < 0.035) & (arm < 0.4)
    if strap is not None:
        colour[strap], part[strap] = identity.bag_colour, PART_BAG
    return colour, part
