"""Swaps garments: writes the swapped image and the alpha mask of each pair, and a panel.

python projects/cagan/swap.py CONFIG CHECKPOINT --person person.jpg --garment garment.jpg --out out
python projects/cagan/swap.py CONFIG CHECKPOINT --person people --garment garments --out out

Folders are taken whole: every person in every garment. What a person wears is read from --worn, one
picture for all, or a folder with a picture of each person's name.
"""

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path.cwd())]

import torch  # noqa: E402
from torch import Tensor  # noqa: E402
from torchvision.transforms.v2 import functional as vision  # noqa: E402
from tqdm import tqdm  # noqa: E402

from projects.cagan.cagan.inference import Swapped, load_model, swap  # noqa: E402
from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.datasets.image_files import list_images, read_rgb  # noqa: E402
from reidgen.visualization.grids import panel, save_png  # noqa: E402

MAX_ROWS = 32  # of the panel


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='the Python config it was trained with')
    parser.add_argument('checkpoint', help='a .pth or .safetensors file')
    parser.add_argument('--person', required=True, help='a picture, or a folder of them')
    parser.add_argument('--garment', required=True, help='a picture, or a folder of them')
    parser.add_argument('--worn', help='what the person wears; left out: grey, an approximation')
    parser.add_argument('--out', required=True, help='folder of the results')
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE'
    )
    return parser.parse_args(args)


def dress(args: argparse.Namespace) -> int:
    """Number of swaps, written as <person>__<garment>.png and ..._alpha.png, with panel.png."""
    out = Path(args.out)
    persons, garments = pictures(args.person), pictures(args.garment)
    for option, paths in (('--person', persons), ('--garment', garments)):
        check_names(option, paths)
    worn = {person: worn_by(person, args.worn) for person in persons}
    model, cfg = load_model(args.config, args.checkpoint, args.cfg_options)
    size = tuple(cfg.train_dataloader.pairs.dataset.size)
    if args.worn is None:
        print('--worn is not given: the network is shown grey in its place, an approximation')
    rows = []
    for person in tqdm(persons, 'swap', disable=None):
        image = read_rgb(person)
        dressed = None if worn[person] is None else read_rgb(worn[person])
        for garment in garments:
            wanted = read_rgb(garment)
            result = swap(model, size, image, wanted, dressed)
            name = f'{person.stem}__{garment.stem}'
            save_png(result.image, out / f'{name}.png')
            save_png(result.alpha.expand(3, -1, -1), out / f'{name}_alpha.png')
            if len(rows) < MAX_ROWS:
                rows.append(cells(size, image, wanted, dressed, result))
    titles = ('x_i', 'y_i', 'y_j', 'x_ij', 'alpha', 'x~')
    columns = [(title, torch.stack(cell)) for title, cell in zip(titles, zip(*rows))]
    save_png(panel(columns, (0, 0, 0), (1, 1, 1)), out / 'panel.png')
    return len(persons) * len(garments)


def pictures(path: str) -> list[Path]:
    """Paths of the images: the file itself, or the sorted files of the folder."""
    place = Path(path)
    if place.is_dir():
        return list_images(place)
    if not place.is_file():
        raise FileNotFoundError(f'no picture or folder {place}')
    return [place]


def check_names(option: str, paths: list[Path]) -> None:
    """Raises ValueError where two pictures share the name that results are called by."""
    named: dict[str, Path] = {}
    for path in paths:
        if path.stem in named:
            raise ValueError(
                f'{option}: {named[path.stem].name} and {path.name} would have results of one '
                f'name; rename one of them'
            )
        named[path.stem] = path


def worn_by(person: Path, worn: str | None) -> Path | None:
    """Path of the image of the garment that a person wears.

    Raises:
        FileNotFoundError: the folder has none of the person's name.
    """
    if worn is None:
        return None
    found = pictures(worn)
    if not Path(worn).is_dir():
        return found[0]
    named = [path for path in found if path.stem == person.stem]
    if not named:
        raise FileNotFoundError(
            f'{worn} has no picture of what {person.name} wears; name it {person.stem}.jpg'
        )
    return named[0]


def cells(
    size: tuple[int, int], person: Tensor, wanted: Tensor, worn: Tensor | None, result: Swapped
) -> list[Tensor]:
    """Images of a row of the panel, (3, H, W) float in [0, 1] each."""
    grey = torch.full((3, *size), 128, dtype=torch.uint8)
    alpha = result.alpha.expand(3, -1, -1)
    row = [person, grey if worn is None else worn, wanted, result.image, alpha, result.candidate]
    return [vision.resize(picture, list(size), antialias=True) / 255 for picture in row]


def main() -> None:
    args = parse_args()
    run(lambda: print(f'{dress(args)} swaps written to {args.out}'), args.out)


if __name__ == '__main__':
    main()
