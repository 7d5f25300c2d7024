"""Identities: a body, and clothes from a summer or a winter wardrobe.

Lengths are in the template's coordinates: z is -0.85 at the soles, 0.77 at the neck, 0.95 on top.
"""

from typing import NamedTuple

import numpy as np

from reidgen.synthetic.body import Body
from reidgen.synthetic.palettes import PALETTES

SKIN_OF_RACE = ((0, 3), (0, 2), (3, 6))  # rows of the palette: asian, caucasian, african
THICKNESS = {
    'tee': 0.008,
    'tank': 0.004,
    'shirt': 0.011,
    'sweater': 0.016,
    'jacket': 0.022,
    'coat': 0.026,
}


class Garment(NamedTuple):
    """Upper or lower garment; fields of the other kind are at their defaults."""

    kind: str  # tee, tank, shirt, sweater, jacket, coat; trousers, skirt
    colour: np.ndarray  # (3,) sRGB in [0, 1]
    second: np.ndarray  # (3,) of the pattern
    pattern: str
    period: float  # of the pattern
    hem: float  # z where it ends below
    offset: float  # distance from the body
    sleeve: float = 0.0  # s where sleeves end; below 0 none
    neck: float = 0.0  # z of the neckline
    v_neck: float = 0.0  # how much deeper the neckline is in front
    opening: float = 0.0  # half width of what an open jacket shows
    inner: np.ndarray = np.zeros(3, np.float32)  # (3,) colour of that
    flare: float = 0.0  # offset at the hem of trousers, on top of `offset`


class Identity(NamedTuple):
    """Person attributes that are the same in all pictures."""

    body: int
    upper: Garment
    lower: Garment
    skin: np.ndarray
    hair: str  # long, medium, short, bun, crop, bald
    hair_colour: np.ndarray
    hair_end: float  # z down to which long hair reaches
    shoes: np.ndarray
    shoe_top: float  # z; boots end higher
    hat: np.ndarray | None
    bag: str  # none, backpack, shoulder, handbag
    bag_colour: np.ndarray
    bag_side: int  # 1: on the body's left


def jittered(rng: np.random.Generator, colour: np.ndarray, strength: float = 0.06) -> np.ndarray:
    """Colour with small random changes of brightness and hue."""
    brightness = rng.uniform(1 - 1.5 * strength, 1 + 1.5 * strength)
    moved = colour * brightness + rng.normal(0, strength * 0.5, 3)
    return np.clip(moved, 0.02, 0.98).astype(np.float32)


def _pick(rng: np.random.Generator, palette: str) -> np.ndarray:
    colours = PALETTES[palette]
    return jittered(rng, colours[rng.integers(len(colours))])


def _draw_upper(rng: np.random.Generator, winter: bool) -> Garment:
    palette = 'winter_upper' if winter else 'summer_upper'
    colour, second = _pick(rng, palette), _pick(rng, palette)
    thickness, period = rng.uniform(0.4, 1.0), rng.uniform(0.05, 0.12)
    if winter:
        kind = rng.choice(['jacket', 'coat', 'sweater', 'shirt'], p=[0.42, 0.2, 0.25, 0.13])
        pattern = rng.choice(
            ['plain', 'block', 'hstripe', 'check', 'logo', 'raglan'],
            p=[0.52, 0.13, 0.08, 0.09, 0.09, 0.09],
        )
        sleeve = 1.02
    else:
        kind = rng.choice(['tee', 'shirt', 'tank', 'jacket'], p=[0.6, 0.2, 0.1, 0.1])
        pattern = rng.choice(
            ['plain', 'hstripe', 'vstripe', 'check', 'logo', 'block', 'raglan'],
            p=[0.40, 0.14, 0.06, 0.1, 0.16, 0.07, 0.07],
        )
        sleeve = {
            'tee': rng.uniform(0.3, 0.5),
            'shirt': rng.choice([0.45, 1.02]),
            'tank': -0.05,
            'jacket': 1.02,
        }[kind]
    hem = {
        'tee': rng.uniform(0.03, 0.16),
        'tank': rng.uniform(0.06, 0.16),
        'shirt': rng.uniform(0, 0.12),
        'sweater': rng.uniform(0.03, 0.1),
        'jacket': rng.uniform(-0.02, 0.1),
        'coat': rng.uniform(-0.3, -0.05),
    }[kind]
    neck = rng.uniform(0.70, 0.74) if kind in ('tee', 'tank') else 0.765
    v_neck = rng.uniform(0.02, 0.12) if kind in ('tee', 'tank', 'shirt') else 0.0
    opens = kind in ('jacket', 'coat')
    opening = rng.uniform(0.02, 0.06) if opens and rng.random() < 0.6 else 0.0
    return Garment(
        str(kind),
        colour,
        second,
        str(pattern),
        period,
        hem,
        THICKNESS[kind] * thickness + 0.004,
        float(sleeve),
        neck,
        v_neck,
        opening,
        _pick(rng, 'summer_upper'),
    )


def _draw_lower(rng: np.random.Generator, winter: bool, female: bool, upper: Garment) -> Garment:
    colour = _pick(rng, 'winter_lower' if winter else 'summer_lower')
    second, period = _pick(rng, 'bag'), rng.uniform(0.05, 0.1)
    skirts = (0.1 if winter else 0.3) if female else 0.0
    kind = rng.choice(['trousers', 'skirt'], p=[1 - skirts, skirts])
    short = rng.random() < (0.04 if winter else 0.5)
    hem = rng.uniform(-0.34, -0.12) if short else -0.76
    if kind == 'skirt':
        hem = rng.uniform(-0.45, -0.14) if rng.random() < 0.75 else rng.uniform(-0.66, -0.5)
    offset, flare = rng.uniform(0.004, 0.016), rng.uniform(0, 0.016)
    pattern = rng.choice(['plain', 'side', 'check', 'hstripe'], p=[0.8, 0.1, 0.06, 0.04])
    if kind == 'skirt' and rng.random() < 0.4 and not winter:  # a dress
        colour, second, period = upper.colour, upper.second, upper.period
        pattern = 'plain' if upper.pattern == 'logo' else upper.pattern
    return Garment(str(kind), colour, second, str(pattern), period, hem, offset, flare=flare)


def draw_identity(body: Body, clothes: str, rng: np.random.Generator) -> Identity:
    """Random identity.

    Args:
        clothes: 'summer' or 'winter'.
    """
    winter, number = clothes == 'winter', body.draw(rng)
    female = bool(body.is_female[number])
    upper = _draw_upper(rng, winter)
    lower = _draw_lower(rng, winter, female, upper)
    if female:
        hair = rng.choice(['long', 'medium', 'short', 'bun'], p=[0.45, 0.2, 0.2, 0.15])
    else:
        hair = rng.choice(['short', 'crop', 'bald'], p=[0.6, 0.33, 0.07])
    skins = [rng.integers(*rows) for rows in SKIN_OF_RACE]
    skin = PALETTES['skin'][skins[body.race[number]]]
    bag = rng.choice(
        ['none', 'backpack', 'shoulder', 'handbag'],
        p=[0.5, 0.27, 0.13, 0.1] if winter else [0.42, 0.3, 0.17, 0.11],
    )
    skin = jittered(rng, skin, 0.03)
    hair_colour = jittered(rng, PALETTES['hair'][rng.integers(len(PALETTES['hair']))], 0.04)
    hair_end = rng.uniform(0.52, 0.7)
    shoes = _pick(rng, 'shoes')
    shoe_top = rng.choice([-0.72, -0.55], p=[0.5, 0.5] if winter else [0.9, 0.1])
    has_hat, hat = rng.random() < (0.15 if winter else 0.08), _pick(rng, 'bag')
    return Identity(
        number,
        upper,
        lower,
        skin,
        str(hair),
        hair_colour,
        hair_end,
        shoes,
        float(shoe_top),
        hat if has_hat else None,
        str(bag),
        _pick(rng, 'bag'),
        int(rng.choice([-1, 1])),
    )
