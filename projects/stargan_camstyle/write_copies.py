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

from projects.stargan_camstyle.stargan_camstyle import StarGAN  # noqa: E402
from projects.stargan_camstyle.stargan_camstyle.copies import FOLDER, write_copies  # noqa: E402
from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.engine.loading import trained_model  # noqa: E402
from reidgen.files import sha256_of  # noqa: E402
from reidgen.registry import DATASETS, MODELS, build, find  # noqa: E402


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
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={})
    return parser.parse_args(args)


def write(args: argparse.Namespace) -> Path:
    """Path of the folder with all copies."""
    cfg = load_config(args.config, args.cfg_options)
    model_class = find(cfg.model['type'], MODELS)
    if not issubclass(model_class, StarGAN):
        raise TypeError(
            f'{args.config} trains a {model_class.__name__}; give a config of StarGAN, such as '
            f'projects/stargan_camstyle/configs/stargan_synth_b.py'
        )
    dataset = build(cfg.train_dataloader.target.dataset, DATASETS)
    model = trained_model(cfg, args.checkpoint)
    folder = Path(args.out) if args.out else dataset.root / FOLDER
    digest = sha256_of(args.checkpoint)
    stamp = dict(dataset=dataset.name, checkpoint_sha256=digest)
    write_copies(
        model,
        dataset,
        folder,
        stamp,
        quality=args.quality,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
    )
    print(f'{len(dataset) * model.num_cameras} copies of {dataset.name} in {folder}')
    return folder


def main() -> None:
    args = parse_args()
    run(lambda: write(args), args.out)


if __name__ == '__main__':
    main()
