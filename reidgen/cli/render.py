"""Rendering of the built-in synthetic people and faces: the subcommand `render`."""

import argparse
import time
from pathlib import Path

from reidgen.cli.data_arguments import FACES
from reidgen.synthetic import DOMAINS, Plan, Seeds, ensure, read_manifest
from reidgen.synthetic.faces import FacePlan, ensure_faces
from reidgen.synthetic.manifest import write_reference


def run(args: argparse.Namespace) -> None:
    """Renders missing files and prints a summary line."""
    print(render(args))


def render(args: argparse.Namespace) -> str:
    """Renders missing files; returns a summary line."""
    seeds = Seeds(args.camera_seed, args.identity_seed, args.image_seed)
    start, images, size, ious = time.perf_counter(), 0, 0, []
    manifests = []
    is_benchmark = True
    for domain in args.domains:
        if domain == FACES:
            folder = _render_faces(args, seeds)
        else:
            plan = Plan.of(domain, args.size, seeds, args.validation)
            is_benchmark = is_benchmark and plan.is_benchmark
            folder = ensure(plan, args.out, not args.no_maps, args.workers)
        manifest = read_manifest(folder)
        manifests.append(manifest)
        images += manifest['num_images']
        size += sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())
        if domain != FACES:  # which have no meshes
            overlap = manifest['mesh_iou']
            ious.append(f'{domain} {overlap["mean"]:.3f} ({overlap["images"]} images)')
    if args.write_reference:
        if args.size != 'tiny' or set(args.domains) != set(DOMAINS) or not is_benchmark:
            raise ValueError('--write-reference needs --size tiny, all --domains and seeds 0')
        write_reference(manifests)
    seconds = time.perf_counter() - start
    line = f'{images} images, {seconds:.1f} s, {images / seconds:.1f} images/s, {size / 1e6:.1f} MB'
    return f'{line}, mean mesh IoU: {", ".join(ious)}' if ious else line


def _render_faces(args: argparse.Namespace, seeds: Seeds) -> Path:
    if args.validation:
        raise ValueError('faces have no persons for choosing parameters; leave out --validation')
    return ensure_faces(FacePlan.of(args.size, seeds), args.out, args.workers)
