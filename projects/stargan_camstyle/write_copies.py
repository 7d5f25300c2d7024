"""Writes the camera-styled copies that HHL reads.

    python projects/stargan_camstyle/write_copies.py CONFIG work_dirs/NAME/stage_cameras.pth

Every training image is translated for every camera: `<stem>_fake_<camera>.jpg`. The folder is
`bounding_box_train_camstyle_stargan4reid` in the data set's own, or --out. An interrupted run is
completed by the next.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path.cwd())]

import torch  # noqa: E402

from projects.stargan_camstyle.stargan_camstyle.copies import FOLDER, write_copies  # noqa: E402
from reidgen.checkpoint import load_strictly, read_weights  # noqa: E402
from reidgen.engine.command_line import KeyValueAction, run  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.files import sha256_of  # noqa: E402
from reidgen.registry import DATASETS, MODELS, build  # noqa: E402


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='the config that StarGAN was trained with')
    parser.add_argument('checkpoint', help='a .pth file of its work dir')
    parser.add_argument('--out', help=f"folder of the copies (default: the data set's {FOLDER})")
    parser.add_argument('--quality', type=int, default=95, help='of the JPEG files')
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--num-workers', type=int, default=0)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={})
    return parser.parse_args(args)


def write(args: argparse.Namespace) -> Path:
    """Path of the folder with all copies."""
    cfg = load_config(args.config, args.cfg_options)
    model = build(cfg.model, MODELS)
    load_strictly(model, *read_weights(args.checkpoint))
    dataset = build(cfg.train_dataloader.target.dataset, DATASETS)
    folder = Path(args.out) if args.out else dataset.root / FOLDER
    digest = sha256_of(args.checkpoint)
    about = dict(dataset=dataset.name, checkpoint_sha256=digest, quality=args.quality)
    written = write_copies(
        model.to(args.device).eval(),
        dataset,
        folder,
        about,
        quality=args.quality,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
    )
    total = len(dataset) * model.num_cameras
    print(f'{written} copies written, {total - written} were there: {folder}')
    return folder


def main() -> None:
    args = parse_args()
    run(lambda: write(args), args.out or '.')


if __name__ == '__main__':
    main()
