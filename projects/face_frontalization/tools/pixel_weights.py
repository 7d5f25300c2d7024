"""Picture of the weight of each pixel, `model.pixel_loss.mask`: 1 where frontal faces are alike.

    python projects/face_frontalization/tools/pixel_weights.py \
        projects/face_frontalization/configs/setting1_1.py --out weights/pixels.png
    python tools/train.py projects/face_frontalization/configs/setting1_1.py \
        --cfg-options model.pixel_loss.mask=weights/pixels.png

1 - variance / largest variance over the frontal faces of a loader, without augmentation.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT)]

import torch  # noqa: E402
from PIL import Image  # noqa: E402

from projects.face_frontalization.face_frontalization.losses import pixel_weights  # noqa: E402
from reidgen.choices import check_count, one_of  # noqa: E402
from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.files import written_whole  # noqa: E402
from reidgen.registry import DATASETS, build  # noqa: E402


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    parser.add_argument('--out', required=True, help='PNG to write')
    parser.add_argument('--loader', default='front', help='of train_dataloader')
    parser.add_argument('--count', type=int, default=200, help='faces, evenly from the list')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={})
    return parser.parse_args(args)


def write_weights(given: argparse.Namespace) -> None:
    check_count('--count', given.count)
    cfg = load_config(given.config, given.cfg_options)
    loaders = cfg.train_dataloader
    one_of(given.loader, tuple(loaders), '--loader')
    faces = build(loaders[given.loader].dataset.to_dict(), DATASETS, 'dataset').plain()
    count = min(given.count, len(faces))
    rows = [number * len(faces) // count for number in range(count)]
    weights = pixel_weights(torch.stack([faces[row].img for row in rows]))
    pixels = (255 * weights[0]).round().to(torch.uint8)
    path = Path(given.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path, 'make room or choose another folder') as part:
        Image.fromarray(pixels.numpy()).save(part, format='PNG')
    print(f'weights of {count} faces, {float(weights.mean()):.3f} in the mean: {path}')


def main(args: list[str] | None = None) -> None:
    given = parse_args(args)
    run(lambda: write_weights(given), None)


if __name__ == '__main__':
    main()
