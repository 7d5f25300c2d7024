"""Renders the built-in synthetic people: python tools/render_synthetic.py --size tiny --out DIR"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reidgen.synthetic import DOMAINS, SIZES, Plan, Seeds, ensure, read_manifest
from reidgen.synthetic.manifest import write_reference


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--size', choices=list(SIZES), default='base')
    parser.add_argument('--out', default='data/synthetic', help='root of SyntheticReID')
    parser.add_argument('--domains', nargs='+', choices=list(DOMAINS), default=list(DOMAINS)[:2])
    parser.add_argument('--workers', type=int, default=1, help='processes')
    parser.add_argument(
        '--no-maps', action='store_true', help='without meshes; they are added when first needed'
    )
    parser.add_argument(
        '--validation',
        action='store_true',
        help='persons for choosing parameters instead of training and test',
    )
    parser.add_argument(
        '--write-reference',
        action='store_true',
        help="for a new version: the package's reference is taken from these "
        'renderings, of size tiny and all domains',
    )
    for name in Seeds._fields:
        parser.add_argument(f'--{name}-seed', type=int, default=0, help='0 is the benchmark')
    return parser.parse_args(args)


def render(args: argparse.Namespace) -> str:
    """Renders what is missing; the closing line."""
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


def main() -> None:
    args = parse_args()
    try:
        print(render(args))
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')


if __name__ == '__main__':
    main()
