"""Body model: 1024 sampled adults, a skeleton of 36 bones, and the surfaces under clothes.

Everything is read from assets/body.npz, which tools/bake_body.py makes from MakeHuman's data (CC0).
"""

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from reidgen.synthetic.geometry import cross, unit

ASSET = Path(__file__).parent / 'assets' / 'body.npz'
ARM_BONES = ('upperarm01', 'upperarm02', 'lowerarm01', 'lowerarm02', 'wrist')
HEAD_BONES = ('head', 'neck03', 'neck02')
RACES = ('asian', 'caucasian', 'african')
# of MakeHuman's height parameter: as it was sampled for the asset, and as it is drawn
BAKED_HEIGHT_STD, HEIGHT_STD = 0.18, 0.07
# metres that summer's and winter's clothes, hair and shoes add on average, by region
CLOTHES_ON_TRUNK, CLOTHES_ON_SHINS, HAIR_ON_HEAD, SOLES = 0.016, 0.004, 0.020, 0.009
# the 18 joints of OpenPose (Cao et al., CVPR 2017); right is the body's own
JOINTS = (
    'nose',
    'neck',
    'r_shoulder',
    'r_elbow',
    'r_wrist',
    'l_shoulder',
    'l_elbow',
    'l_wrist',
    'r_hip',
    'r_knee',
    'r_ankle',
    'l_hip',
    'l_knee',
    'l_ankle',
    'r_eye',
    'l_eye',
    'r_ear',
    'l_ear',
)
JOINT_BONES = (
    'neck01',
    'upperarm01.R',
    'lowerarm01.R',
    'wrist.R',
    'upperarm01.L',
    'lowerarm01.L',
    'wrist.L',
    'upperleg01.R',
    'lowerleg01.R',
    'foot.R',
    'upperleg01.L',
    'lowerleg01.L',
    'foot.L',
)


class Surface(NamedTuple):
    """Mesh of the body: skin, mesh (coarser skin), tights, skirt or hair."""

    vertices: np.ndarray  # (V,) rows of the body's vertices
    faces: np.ndarray  # (T, 3) rows of `vertices`, counter-clockwise from outside
    sums: sparse.csr_matrix  # (V, T) sums the faces around each vertex

    def normals(self, posed: np.ndarray) -> np.ndarray:
        """Unit normals (V, 3), from all posed vertices of the body."""
        a, b, c = (posed[self.vertices[self.faces[:, k]]] for k in range(3))
        return unit(self.sums @ cross(b - a, c - a))


class Shape(NamedTuple):
    """Body of a person in the rest pose."""

    vertices: np.ndarray  # (V, 3) float32
    bones: np.ndarray  # (36, 3) where each bone begins


class Bent(NamedTuple):
    """Body of a person in a pose."""

    vertices: np.ndarray  # (V, 3) float32
    bones: np.ndarray  # (36, 3) where each bone begins
    transforms: np.ndarray  # (36, 3, 4) from the rest pose, of each bone


class Body:
    """Body model shared by all persons.

    Attributes:
        template: (V, 3) the mean body at rest; garments are cut in its coordinates.
        mesh_growth: (V', 1) metres that the mesh of the maps lies outside the body.
        attributes: (V, 7) x, y, z of the template, then s (0 at the shoulder, 1 at the wrist), the
            arm's and the head's share of the skinning weights, and the scalp's weight.
        surfaces: by name.
    """

    def __init__(self, path: Path = ASSET):
        with np.load(path) as asset:
            data = {name: asset[name] for name in asset.files}
        self.template = data['template'].astype(np.float32)
        self.bones, self.parents = list(data['bones']), data['parents'].tolist()
        weights = data['W'].astype(np.float32)
        self.weights = sparse.csr_matrix(weights)
        self._mean, self._basis = data['mu'], data['basis'].astype(np.float32)
        self._coefficients = data['coef']
        self.is_female = data['ph_gender'] > 0.5
        self.race = np.stack([data[f'ph_{race}'] for race in RACES]).argmax(0)
        self._keep_prob = _narrower(data['ph_height'])
        self.surfaces = {
            name: _surface(data[name]) for name in ('skin', 'mesh', 'tights', 'skirt', 'hair')
        }
        self.arm, self.head = (self._share(weights, names) for names in (ARM_BONES, HEAD_BONES))
        x, y, z = self.template.T
        # above a plane that is low at the back of the head and high at the forehead
        hairline = 0.865 + 0.48 * np.clip(-0.06 - y, 0, 1)
        self.scalp = (np.clip((z - hairline) / 0.03, 0, 1) * (self.head > 0.6)).astype(np.float32)
        self.foot = np.clip((-0.68 - z) / 0.06, 0, 1)
        self.attributes = np.column_stack(
            [self.template, (np.abs(x) - 0.18) / 0.32, self.arm, self.head, self.scalp]
        ).astype(np.float32)
        self.mesh_growth = self._usual_clothes(self.surfaces['mesh'].vertices)
        self._joint_bones = [self.bones.index(name) for name in JOINT_BONES]

    def draw(self, rng: np.random.Generator) -> int:
        """Random body number, with heights normal around 0.5 with HEIGHT_STD.

        The asset's bodies are 1.27 to 2.41 m tall, far beyond people; drawn ones are 1.52 to 2.03.
        """
        while True:
            number = int(rng.integers(len(self._keep_prob)))
            if rng.random() < self._keep_prob[number]:
                return number

    def shape(self, number: int) -> Shape:
        """Body of a number in the rest pose: arms out by 42 degrees, forearms bent forward."""
        return self.shape_of(self._coefficients[number])

    def shape_of(self, coefficients: np.ndarray) -> Shape:
        """Body of coefficients (C,) in the rest pose."""
        flat = coefficients @ self._basis + self._mean
        split = 3 * len(self.template)
        return Shape(flat[:split].reshape(-1, 3), flat[split:].reshape(-1, 3))

    def shape_distribution(self, num_components: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean (C,) and principal components (K, C) of the drawn bodies' coefficients, float32.

        A component is as long as the bodies' standard deviation along it.
        """
        weights = self._keep_prob / self._keep_prob.sum()
        mean = weights @ self._coefficients
        centred = (self._coefficients - mean) * np.sqrt(weights)[:, None]
        _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
        kept = lengths[:num_components, None] * axes[:num_components]
        return mean.astype(np.float32), kept.astype(np.float32)

    def bend(self, shape: Shape, rotations: dict[str, np.ndarray]) -> Bent:
        """Forward kinematics and linear blend skinning.

        Args:
            rotations: (3, 3) by bone, in the axes of the rest pose; absent bones keep theirs.
        """
        count = len(self.bones)
        transforms, begins = np.zeros((count, 3, 4)), np.zeros((count, 3))
        for bone, (name, parent) in enumerate(zip(self.bones, self.parents)):
            turn, begin = rotations.get(name), shape.bones[bone].astype(float)
            own = transforms[bone]
            if turn is None:
                own[:, :3] = np.eye(3)
            else:
                own[:, :3], own[:, 3] = turn, begin - turn @ begin
            if parent >= 0:
                above = transforms[parent]
                own[:, 3] = above[:, :3] @ own[:, 3] + above[:, 3]
                own[:, :3] = above[:, :3] @ own[:, :3]
            begins[bone] = own[:, :3] @ begin + own[:, 3]
        blended = self.weights @ transforms.reshape(count, 12).astype(np.float32)
        blended = blended.reshape(-1, 3, 4)
        rest = shape.vertices
        vertices = (
            blended[:, :, 0] * rest[:, :1]
            + blended[:, :, 1] * rest[:, 1:2]
            + blended[:, :, 2] * rest[:, 2:]
            + blended[:, :, 3]
        )
        return Bent(vertices, begins, transforms)

    def joints(self, bent: Bent) -> np.ndarray:
        """Joint positions (18, 3), in the order of JOINTS."""
        return self.joints_at(bent.vertices, bent.bones)

    def joints_at(self, vertices: np.ndarray, bones: np.ndarray) -> np.ndarray:
        """Joint positions (18, 3) of a body's vertices (V, 3) and bones (36, 3)."""
        face = vertices[self._face_points]
        return np.concatenate([face[:1], bones[self._joint_bones], face[1:]])

    def _usual_clothes(self, rows: np.ndarray) -> np.ndarray:
        """Offset (V, 1) float32 of the rendered mesh from the naked body.

        The same for everybody, so that maps do not depend on clothes. Meshes that are estimated
        from photographs fit the dressed outline, too: with this, the mean overlap with silhouettes
        rises from 0.85 to 0.88 (100 persons of synth_a who are in no other split).
        """
        z, s = self.attributes[rows, 2], self.attributes[rows, 3]
        on_arm = self.arm[rows] > 0.5
        thigh, shin = np.clip((z + 0.45) / 0.15, 0, 1), np.clip((z + 0.75) / 0.05, 0, 1)
        trunk = np.where(on_arm, np.clip((0.5 - s) / 0.15, 0, 1), thigh) * (1 - self.head[rows])
        shin = np.where(on_arm, 0, shin * (1 - thigh))
        growth = (
            CLOTHES_ON_TRUNK * trunk
            + CLOTHES_ON_SHINS * shin
            + HAIR_ON_HEAD * self.scalp[rows]
            + SOLES * self.foot[rows]
        )
        return growth.astype(np.float32)[:, None]

    def _share(self, weights: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        columns = [k for k, bone in enumerate(self.bones) if bone.split('.')[0] in names]
        return weights[:, columns].sum(1)

    @cached_property
    def _face_points(self) -> list[int]:
        """Vertices of nose, eyes and ears, right before left."""
        head = np.intersect1d(np.where(self.head > 0.8)[0], self.surfaces['skin'].vertices)
        nose = head[np.argmin(self.template[head, 1])]
        _, y, z = self.template[nose]
        places = [
            (-0.033, y + 0.03, z + 0.04),
            (0.033, y + 0.03, z + 0.04),
            (-0.08, y + 0.12, z + 0.02),
            (0.08, y + 0.12, z + 0.02),
        ]
        distances = [((self.template[head] - place) ** 2).sum(1) for place in places]
        return [nose, *(head[np.argmin(distance)] for distance in distances)]


def _narrower(height: np.ndarray) -> np.ndarray:
    """Probability to keep each body, which narrows the height distribution to a normal one."""
    excess = 1 / HEIGHT_STD**2 - 1 / BAKED_HEIGHT_STD**2
    return np.exp(-((height.astype(float) - 0.5) ** 2) / 2 * excess)


def _surface(faces: np.ndarray) -> Surface:
    vertices, local = np.unique(faces, return_inverse=True)
    local = local.reshape(-1, 3).astype(np.intp)
    count = len(local)
    sums = sparse.csr_matrix(
        (np.ones(3 * count, np.float32), (local.T.ravel(), np.tile(np.arange(count), 3))),
        (len(vertices), count),
    )
    return Surface(vertices.astype(np.intp), local, sums)
