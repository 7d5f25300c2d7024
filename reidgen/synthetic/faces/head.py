"""Head model: MakeHuman's head with its controls of shape, kinds of people, and expressions.

Everything is read from assets/head.npz, which tools/bake_head.py makes from MakeHuman's data (CC0).
Metres; z is up, x to the head's left, it faces -y.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import sparse

from reidgen.synthetic.geometry import cross, unit

ASSET = Path(__file__).parents[1] / 'assets' / 'head.npz'
SKIN, EYE, TEETH = range(3)  # kinds of faces in the asset
MASKS = ('lips', 'ears', 'mouth', 'lids')


class Head:
    """Head model shared by all persons.

    Attributes:
        template: (V, 3) float32 metres, the mean head; features are painted in its coordinates.
        faces: (T, 3) rows of the vertices, counter-clockwise from outside.
        kinds: (T,) SKIN, EYE or TEETH.
        masks: (V,) float32 in [0, 1] by name: where lips, ears, eyelids and the inside of the mouth
            are.
        open: (V,) share of the light from everywhere that reaches the template's vertices.
        lit: (V, L) share of each of LIGHTS.
        controls, macros, expressions: names of what moves the vertices.
    """

    def __init__(self, path: Path = ASSET):
        with np.load(path) as asset:
            data = {name: asset[name] for name in asset.files}
        self.template = data['template']
        self.faces = data['faces'].astype(np.intp)
        self.kinds = data['parts']
        self.masks = {name: data[name].astype(np.float32) / 255 for name in MASKS}
        self.open = data['open'].astype(np.float32) / 255
        self.lit = data['lit'].astype(np.float32) / 255
        self.controls, self.macros, self.expressions = (
            data[name].tolist() for name in ('controls', 'macros', 'expressions')
        )
        count, corners = len(self.faces), self.faces.T.ravel()
        self._sums = sparse.csr_matrix(
            (np.ones(3 * count, np.float32), (corners, np.tile(np.arange(count), 3))),
            (len(self.template), count),
        )
        flat = data['moves'].reshape(len(data['moves']), -1)
        self._moves = sparse.csr_matrix(flat.astype(np.float32) * data['unit'])
        names = [f'{name}{end}' for name in self.controls for end in '-+']
        self._rows = {name: row for row, name in enumerate([*names, *self.macros])}
        first = len(self._rows)
        self._rows |= {name: first + row for row, name in enumerate(self.expressions)}

    def shaped(self, strengths: Mapping[str, float]) -> np.ndarray:
        """Vertices (V, 3) float32 of a head.

        Args:
            strengths: by name of a control in [-1, 1], of a macro or an expression in [0, 1].
        """
        weights = np.zeros((1, len(self._rows)), np.float32)
        for name, strength in strengths.items():
            if name not in self._rows:
                name, strength = f'{name}{"-" if strength < 0 else "+"}', abs(strength)
            weights[0, self._rows[name]] = strength
        moved = sparse.csr_matrix(weights) @ self._moves
        return self.template + moved.toarray().reshape(-1, 3).astype(np.float32)

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Unit normals (V, 3), the faces around a vertex weighed by their area."""
        a, b, c = (vertices[self.faces[:, k]] for k in range(3))
        return unit(self._sums @ cross(b - a, c - a))


@lru_cache(maxsize=1)
def the_head() -> Head:
    """Head model, loaded once a process."""
    return Head()
