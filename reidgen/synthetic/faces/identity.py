"""Identities of faces: shape of the head, skin, eyes, brows, hair, beard and glasses."""

from typing import NamedTuple

import numpy as np

from reidgen.synthetic.faces.head import Head
from reidgen.synthetic.palettes import PALETTES, colours

RACES = ('asian', 'caucasian', 'african')
SKINS = colours('f2d6c2', 'ecc4a6', 'deb08c', 'c99468', 'a8754c', '8a5c3c', '6b4630', '553626')
SKIN_RANGE = {'caucasian': (0, 3), 'asian': (1, 5), 'african': (4, 8)}
IRISES = {
    'caucasian': colours('5f7f9c', '6f8f7a', '7a6a3f', '4e3520', '8799a3', '38220f'),
    'asian': colours('2a1809', '3a220f'),
    'african': colours('24140a', '33200f'),
}
HAIRS = {
    'caucasian': colours('17120e', '33221a', '55381f', '8a6238', 'c09a5c', '7e3a1c', '9a9490'),
    'asian': colours('0f0c0a', '17120e', '241a14', '8c8884'),
    'african': colours('0d0a08', '14100d', '241a14', '7c7874'),
}
CONTROL_STD = 0.27  # of a control of the shape in [-1, 1]
# controls that would spoil the head, or are too strong at that deviation
WEAK_CONTROLS = ('ear-scale', 'ear-wing', 'ear-rot', 'ear-trans', 'head-fat', 'mouth-trans')
HEAD_SHAPES = (
    *('head-oval', 'head-round', 'head-rectangular', 'head-square'),
    *('head-triangular', 'head-invertedtriangular', 'head-diamond'),
)
RARE_CONTROLS = ('ear-shape', 'ear-flap', 'forehead-nubian', 'chin-cleft', 'neck-double')


class Hair(NamedTuple):
    """Hair style; heights are z of the template: eyes at 0.728, crown at 0.849."""

    kind: str  # bald, crop, short, long
    colour: np.ndarray  # (3,) sRGB in [0, 1]
    front: float  # z of the hairline over the forehead
    recess: float  # metres that it is higher at the temples
    sideburn: float  # z down to which hair grows before the ears
    top: float  # thickness in metres
    side: float
    fringe: float  # z down to which hair falls over the forehead; above `front`: none
    parting: float  # x at which the fringe is parted
    end: float  # z down to which long hair hangs
    curl: float  # metres of waves
    opening_deg: float  # azimuth at which long hair begins beside the face


class Features(NamedTuple):
    """What is painted on the skin and in the eyes."""

    skin: np.ndarray  # (3,) sRGB in [0, 1], as all colours
    blush: float
    lips: np.ndarray  # (3,)
    lips_share: float  # how much of the lips' colour is theirs
    iris: np.ndarray  # (3,)
    liner: float  # darkness of the eyelids' edge
    brow: np.ndarray  # (3,)
    brow_z: float
    brow_arch: float  # metres
    brow_slope: float  # metres of height a metre outwards
    brow_half: float  # half thickness in metres
    brow_inner: float  # x where a brow begins
    brow_density: float
    beard: np.ndarray  # (3,)
    beard_density: float  # over chin and cheeks
    moustache_density: float
    beard_z: float  # z up to which it reaches on the cheeks
    freckles: float
    moles: np.ndarray  # (M, 3) x, z of the template and radius in metres
    clothes: np.ndarray  # (3,)


class Glasses(NamedTuple):
    """Spectacle frames."""

    colour: np.ndarray  # (3,)
    half_width: float  # metres, of a lens
    half_height: float
    squareness: float  # exponent of the superellipse: 2 round
    tube: float  # radius in metres


class Face(NamedTuple):
    """Person attributes that are the same in all pictures."""

    strengths: dict[str, float]  # of the head's controls and macros
    hair: Hair
    features: Features
    glasses: Glasses | None


def _varied(rng: np.random.Generator, colour: np.ndarray, strength: float) -> np.ndarray:
    """Colour with small random changes of brightness, and smaller ones of hue."""
    brightness = rng.uniform(1 - 1.5 * strength, 1 + 1.5 * strength)
    return np.clip(colour * brightness * rng.normal(1, 0.2 * strength, 3), 0.02, 0.98).astype(
        np.float32
    )


def draw_face(head: Head, rng: np.random.Generator) -> Face:
    """Random identity."""
    female = bool(rng.random() < 0.5)
    shares = rng.dirichlet([0.35] * len(RACES))
    race = RACES[int(shares.argmax())]
    age = float(rng.beta(1.2, 1.8))
    strengths = _draw_shape(head, 'female' if female else 'male', shares, age, rng)
    hair = _draw_hair(female, race, age, rng)
    features = _draw_features(female, race, hair, rng)
    return Face(strengths, hair, features, _draw_glasses(rng) if rng.random() < 0.18 else None)


def _draw_shape(
    head: Head, sex: str, shares: np.ndarray, age: float, rng: np.random.Generator
) -> dict[str, float]:
    strengths, weight = {}, float(rng.beta(2.5, 2.5) * 2 - 1)
    for name, share in (('young', 1 - age), ('old', age)):
        for race, part in zip(RACES, shares):
            strengths[f'{race}-{sex}-{name}'] = float(part * share)
        strengths[f'{"max" if weight > 0 else "min"}-{sex}-{name}'] = abs(weight) * share
        strengths[f'average-{sex}-{name}'] = (1 - abs(weight)) * share
    drawn = np.clip(rng.normal(0, CONTROL_STD, len(head.controls)), -0.8, 0.8)
    for name, strength in zip(head.controls, drawn.tolist()):
        if name not in HEAD_SHAPES:
            is_weak = name.startswith((*WEAK_CONTROLS, *RARE_CONTROLS))
            strengths[name] = strength * (0.5 if is_weak else 1)
    strengths[str(rng.choice(HEAD_SHAPES))] = float(rng.uniform(0, 0.7))
    return strengths


def _draw_hair(female: bool, race: str, age: float, rng: np.random.Generator) -> Hair:
    known = HAIRS[race]
    grey = age > 0.55 and rng.random() < age
    colour = known[-1] if grey else known[int(rng.integers(len(known) - 1))]
    odds = (0.01, 0.05, 0.24, 0.7) if female else (0.12, 0.36, 0.45, 0.07)
    kind = str(rng.choice(['bald', 'crop', 'short', 'long'], p=odds))
    thickness = {'bald': 0.0, 'crop': 0.004, 'short': 0.016, 'long': 0.013}[kind]
    front = rng.uniform(0.792, 0.818) if female else rng.uniform(0.797, 0.832)
    has_fringe = kind in ('short', 'long') and rng.random() < 0.45
    fringe = rng.uniform(0.752, 0.785) if has_fringe else 1.0
    curly = rng.random() < (0.7 if race == 'african' else 0.25)
    return Hair(
        kind,
        _varied(rng, colour, 0.08),
        float(front),
        float(rng.uniform(0, 0.01 if female else 0.03)),
        float(rng.uniform(0.715, 0.745) if female else rng.uniform(0.675, 0.735)),
        float(thickness * rng.uniform(0.6, 1.9)),
        float(thickness * rng.uniform(0.3, 1.2)),
        float(fringe),
        float(rng.choice([-1, 1]) * rng.uniform(0, 0.035)),
        float(rng.uniform(0.52, 0.635)),
        float(rng.uniform(0.002, 0.005) if curly else rng.uniform(0, 0.001)),
        float(rng.uniform(58, 70) if rng.random() < 0.6 else rng.uniform(98, 112)),
    )


def _draw_features(female: bool, race: str, hair: Hair, rng: np.random.Generator) -> Features:
    skin = _varied(rng, SKINS[int(rng.integers(*SKIN_RANGE[race]))], 0.05)
    natural = skin * np.array([0.86, 0.62, 0.62], np.float32)
    lipstick = colours('a8323c', 'c2566a', '8e2440', 'b8604e', 'd0707a')
    painted = female and rng.random() < 0.5
    kinds = ['none', 'stubble', 'moustache', 'goatee', 'full']
    kind = 'none' if female else rng.choice(kinds, p=[0.4, 0.2, 0.1, 0.1, 0.2])
    chin = {'none': 0, 'stubble': 0.35, 'moustache': 0, 'goatee': 0.8, 'full': 0.9}[str(kind)]
    lip = {'none': 0, 'stubble': 0.35, 'moustache': 0.9, 'goatee': 0.8, 'full': 0.85}[str(kind)]
    spots = rng.uniform([-0.06, 0.625, 0.0008], [0.06, 0.79, 0.0022], (3, 3))
    irises = IRISES[race]
    return Features(
        skin,
        float(rng.uniform(0, 0.35)),
        _varied(rng, lipstick[int(rng.integers(len(lipstick)))] if painted else natural, 0.06),
        0.85 if painted else float(rng.uniform(0.5, 0.95)),
        _varied(rng, irises[int(rng.integers(len(irises)))], 0.08),
        float(rng.uniform(0.45, 0.9) if female else rng.uniform(0.15, 0.5)),
        np.clip(hair.colour * np.float32(rng.uniform(0.45, 0.85)), 0.02, 1),
        float(rng.uniform(0.7455, 0.7525)),
        float(rng.uniform(0.001, 0.006)),
        float(rng.normal(-0.12, 0.08)),
        float(rng.uniform(0.0018, 0.0034) if female else rng.uniform(0.0028, 0.0052)),
        float(rng.uniform(0.007, 0.016)),
        float(rng.uniform(0.55, 0.95)),
        np.clip(hair.colour * np.float32(rng.uniform(0.6, 1.0)), 0.02, 1),
        float(chin * rng.uniform(0.75, 1.1)),
        float(lip * rng.uniform(0.75, 1.1)),
        0.632 if kind == 'goatee' else float(rng.uniform(0.645, 0.675)),
        float(rng.uniform(0.2, 0.5)) if rng.random() < 0.15 else 0.0,
        spots[: int(rng.integers(0, 4))].astype(np.float32),
        _varied(rng, PALETTES['winter_upper'][int(rng.integers(20))], 0.06),
    )


def _draw_glasses(rng: np.random.Generator) -> Glasses:
    frames = colours('141414', '141414', '3a2416', '7a1f24', '2b3a5c', '9c9488', 'b08d3c')
    return Glasses(
        _varied(rng, frames[int(rng.integers(len(frames)))], 0.05),
        float(rng.uniform(0.021, 0.026)),
        float(rng.uniform(0.013, 0.021)),
        float(rng.choice([2.0, 2.6, 4.0])),
        float(rng.uniform(0.0009, 0.0021)),
    )
