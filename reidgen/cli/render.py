"""Rendering of the built-in synthetic people: the subcommand `render`."""

import argparse
import time

from reidgen.synthetic import DOMAINS, Plan, Seeds, ensure, read_manifest
from reidgen.synthetic.manifest import write_reference


def run(args: argparse.Namespace) -> None:
    """Renders missing files and prints a summary line."""
    print(render(args))


def render(args: argparse.Namespace) -> str:
    """Renders missing files; returns a summary line."""
    seeds = Seeds(args.camera_seed, args.identity_seed, args.image_seed)
    start, images, size, ious = time.perf_counter(), 0, 0, []
    manifests = []
    for domain in args.domains:
        plan = Plan.of(domain, args.size, seeds, args.validation)
        folder = ensure(plan, args.out, not args.no_maps, args.workers)
        manifest = read_manifest(folder)
        manifests.append(manifest)
        images += manifest['num_images']
        size += sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())
        ious.append(
            f'{domain} {manifest["mesh_iou"]["mean"]:.3f} ({manifest["mesh_iou"]["images"]} images)'
        )
    if args.write_reference:
        if args.size != 'tiny' or set(args.domains) != set(DOMAINS) or not plan.is_benchmark:
            raise ValueError('--write-reference needs --size tiny, all --domains and seeds 0')
        write_reference(manifests)
    seconds = time.perf_counter() - start
    return (
        f'{images} images, {seconds:.1f} s, {images / seconds:.1f} images/s, '
        f'{size / 1e6:.1f} MB, mean mesh IoU: {", ".join(ious)}'
    )
