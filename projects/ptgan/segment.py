"""Writes a foreground mask for every image of a data set, as MaskFolder reads them.

python projects/ptgan/segment.py Market1501 root=data/market1501 --out data/mask/market1501
"""

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path.cwd())]

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from tqdm import tqdm  # noqa: E402

from projects.ptgan.ptgan.segmentation import NETWORKS, PersonSegmenter  # noqa: E402
from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.files import written_whole  # noqa: E402
from reidgen.registry import DATASETS, build  # noqa: E402


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('dataset', help='the registered name of a data set')
    parser.add_argument(
        'options', nargs='*', action=KeyValueAction, metavar='KEY=VALUE', help='its arguments'
    )
    parser.add_argument('--out', required=True, help='folder of the masks')
    parser.add_argument('--split', default='train')
    parser.add_argument('--network', choices=NETWORKS, default=NETWORKS[0])
    parser.add_argument('--weights', help="a local file (default: torchvision's hub)")
    parser.add_argument(
        '--subfolders', type=int, default=0, help='folders above an image to keep: 1 for MSMT17'
    )
    return parser.parse_args(args)


def segment(args: argparse.Namespace) -> int:
    """Number of masks written; existing ones are kept."""
    settings = dict(type=args.dataset, split=args.split, labelled=False, **(args.options or {}))
    dataset = build(settings, DATASETS, 'the data set')
    segmenter = PersonSegmenter(args.network, args.weights)
    segmenter.to('cuda' if torch.cuda.is_available() else 'cpu')
    written = 0
    for record in tqdm(dataset.records, 'segment', disable=None):
        name = Path(*Path(record.path).parts[-1 - args.subfolders :])
        path = (Path(args.out) / name).with_suffix('.png')
        if path.exists():
            continue
        mask = segmenter(dataset.read_image(record).to(segmenter.mean.device))
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as part:  # a kill leaves no half mask that a next run would keep
            Image.fromarray(mask[0].cpu().numpy()).save(part, format='PNG')
        written += 1
    return written


def main() -> None:
    args = parse_args()
    run(lambda: print(f'{segment(args)} masks written to {args.out}'), args.out)


if __name__ == '__main__':
    main()
