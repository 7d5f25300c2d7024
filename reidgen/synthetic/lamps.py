"""Street lamps: cones of coloured light, whose place decides what they do to a body."""

from typing import NamedTuple

import numpy as np

# A lamp's spectrum in two parts. Broad: (3,) what it returns of red, green and blue. Narrow, a line
# or a hump: a scalar, the mixture of red, green and blue reflectance there, and how red, green and
# blue pixels answer to it: whatever is lit, the colour is one, and reflectances are mixed.
SPECTRA = {
    'sodium': ((0.12, 0.08, 0.03), 1.0, (0.60, 0.37, 0.03), (1.0, 0.56, 0.10)),
    'warm': ((0.62, 0.42, 0.17), 0.55, (0.55, 0.40, 0.05), (0.85, 0.62, 0.16)),
    'white': ((0.62, 0.68, 0.62), 0.40, (0.15, 0.60, 0.25), (0.55, 0.80, 0.75)),
    'green': ((0.26, 0.52, 0.34), 0.55, (0.15, 0.75, 0.10), (0.45, 1.0, 0.42)),
}
LUMA = (0.3, 0.59, 0.11)
CHEST = np.array([0, 0, 1.2])  # metres
WRAP = np.float32(0.2)  # light from behind the edge of a body: off the ground, and lamps have size
PATH_HEIGHT = 1.0  # metres above the ground, where strength is measured


class LampStyle(NamedTuple):
    """Parameter ranges of a domain's lamps."""

    kinds: tuple[str, ...]  # camera k has the k-th, going round
    height: tuple[float, float]  # metres
    aside: tuple[float, float]  # of the path, metres
    spacing: tuple[float, float]  # along the path, metres
    cone_deg: tuple[float, float]  # from the axis to where light ends
    edge_deg: tuple[float, float]  # over which it ends
    strength: tuple[float, float]  # linear, on the path beside a lamp
    balanced: tuple[float, float]  # share of the cast that the camera's white balance takes out


class Lamps(NamedTuple):
    """Row of equal lamps along a path; places are relative to the person.

    Light falls with the inverse square of the distance and ends at the edge of a cone, so head and
    feet get different shares of it, and no change of a whole picture's colours undoes that.
    """

    places: np.ndarray  # (3, K) float32 metres
    axis: np.ndarray  # (3,) float32, unit, downwards
    cosines: tuple[float, float]  # of the angles from the axis where light ends, and is full
    power: float  # at one metre on the axis
    colour: np.ndarray  # (3, 3) float32: reflected linear light = colour @ reflectance
    spacing: float  # metres
    along: np.ndarray  # (3,) float32, unit, of the path

    def irradiance(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Light (N,) float32 on surfaces at points (3, N) with unit normals (3, N) or (3, 1)."""
        low, high = self.cosines
        total = np.zeros(points.shape[1], np.float32)
        for place in self.places.T:
            x, y, z = (place[k] - points[k] for k in range(3))
            nearness = 1 / np.sqrt(x * x + y * y + z * z)
            facing = (normals[0] * x + normals[1] * y + normals[2] * z) * nearness
            cosine = -(self.axis[0] * x + self.axis[1] * y + self.axis[2] * z) * nearness
            share = np.clip((cosine - low) / (high - low), 0, 1)
            light = nearness * nearness * share * share * (3 - 2 * share)
            total += light * np.clip((facing + WRAP) / (1 + WRAP), 0, None)
        return total * np.float32(self.power)

    def moved(self, step: np.ndarray, brightness: float) -> 'Lamps':
        """Lamps as seen from a person who has walked (3,) metres, at another brightness."""
        return self._replace(
            places=self.places - step[:, None].astype(np.float32), power=self.power * brightness
        )

    def at_chest(self) -> tuple[np.ndarray, np.ndarray]:
        """Direction (3,) of the strongest lamp, and its light (3,) on a grey chest."""
        chest = CHEST.astype(np.float32)[:, None]
        ways = self.places - chest
        ways = ways / np.linalg.norm(ways, axis=0)
        light = [self._replace(places=self.places[:, [k]]) for k in range(ways.shape[1])]
        strength = [float(one.irradiance(chest, ways[:, [k]])[0]) for k, one in enumerate(light)]
        first = int(np.argmax(strength))
        return ways[:, first], (self.colour.sum(1) * np.float32(strength[first])).astype(np.float32)

    def level(self, light: np.ndarray) -> np.float32:
        """Irradiance whose light on white is (3,)."""
        return np.float32(light.sum() / self.colour.sum())


def draw_lamps(style: LampStyle, number: int, flow_deg: float, rng: np.random.Generator) -> Lamps:
    """Random lamps of camera `number` (from 0), three in a row, the middle one beside the person.

    Args:
        flow_deg: the way most people walk, along the path.
    """
    flow = np.deg2rad(flow_deg)
    along = np.array([np.sin(flow), -np.cos(flow), 0.0])
    beside = np.array([np.cos(flow), np.sin(flow), 0.0])
    if rng.random() < 0.75:  # mostly on the camera's side of the path
        beside *= -np.copysign(1, beside[1])
    else:
        beside *= rng.choice([-1, 1])
    height, aside, spacing = (
        rng.uniform(*each) for each in (style.height, style.aside, style.spacing)
    )
    middle = beside * aside + [0, 0, height]
    places = np.stack([middle + along * spacing * k for k in (-1, 0, 1)], 1)
    axis = -beside * aside * 0.5 - [0, 0, height]
    cone, edge = rng.uniform(*style.cone_deg), rng.uniform(*style.edge_deg)
    distance = np.hypot(aside, height - PATH_HEIGHT)
    return Lamps(
        places.astype(np.float32),
        (axis / np.linalg.norm(axis)).astype(np.float32),
        (float(np.cos(np.deg2rad(cone))), float(np.cos(np.deg2rad(cone - edge)))),
        rng.uniform(*style.strength) * distance**2,
        lamp_colour(style.kinds[number % len(style.kinds)], rng.uniform(*style.balanced)),
        spacing,
        along.astype(np.float32),
    )


def lamp_colour(kind: str, balanced: float) -> np.ndarray:
    """Matrix (3, 3) float32 from reflectances to a camera's linear colours; white has luma 1.

    Args:
        balanced: share of white's cast, in logarithms, that the camera takes out.
    """
    broad, narrow, reflectance, answer = SPECTRA[kind]
    matrix = np.diag(broad) + narrow * np.outer(answer, reflectance)
    white = matrix.sum(1)
    matrix = matrix * (white**-balanced)[:, None]
    return (matrix / (LUMA @ matrix.sum(1))).astype(np.float32)
