"""Are persons given the colours that the target's cameras would see? Painted views against the
truth, the same persons rendered under those cameras (synth_a2b).

    python tools/benchmarks/translated_colours.py configs/gcl_synth.py work_dirs/gcl_synth/painted/*

prints, for each folder that PaintedViewsHook has filled, how far the mean colours of upper and
lower body lie from the truth (root mean square over channels and images, of 255) and how much too
bright they are. Beside them: the images as they are, and colours matched in closed form, mean and
standard deviation of each channel on the heads, for each pair of cameras.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reidgen.datasets.image_files import read_rgb
from reidgen.engine.config import load_config
from reidgen.registry import DATASETS, build

HEAD, UPPER, LOWER = (0.04, 0.13), (0.2, 0.5), (0.55, 0.9)  # shares of a body's height
BODY = 48  # grey level of a mesh map above which the body is


def region(picture: np.ndarray, body: np.ndarray, part: tuple[float, float]) -> np.ndarray:
    """(N, 3) float pixels of a picture (H, W, 3) inside a body (H, W) of bool, at these heights."""
    rows = np.flatnonzero(body.any(1))
    height = rows[-1] + 1 - rows[0]
    first, last = rows[0] + int(part[0] * height), rows[0] + int(part[1] * height)
    band = slice(first, max(last, first + 1))
    return picture[band][body[band]].astype(float)


class Persons:
    """Pictures, bodies, names and cameras of a training set with meshes."""

    def __init__(self, cfg: dict):
        dataset = build(cfg, DATASETS).plain(maps=True)
        self.names = [Path(record.path).name for record in dataset.records]
        self.cameras = np.asarray(dataset.camids)
        items = [dataset[row] for row in range(len(dataset))]
        self.pictures = [item.img.permute(1, 2, 0).numpy() for item in items]
        self.bodies = [item.pose_map[-1].numpy() > BODY for item in items]

    def means(self, part: tuple[float, float]) -> np.ndarray:
        """(N, 3) mean colours of a part of each person."""
        return np.stack([region(*both, part).mean(0) for both in zip(self.pictures, self.bodies)])

    def heads(self, camera: int) -> np.ndarray:
        """(pixels, 3) of all heads that a camera has seen."""
        seen = np.flatnonzero(self.cameras == camera)
        return np.concatenate([region(self.pictures[k], self.bodies[k], HEAD) for k in seen])


def matched(colours: np.ndarray, heads: np.ndarray, target_heads: np.ndarray) -> np.ndarray:
    """(N, 3) colours after the map that gives `heads` the mean and deviation of `target_heads`."""
    scale = target_heads.std(0) / heads.std(0)
    return np.clip((colours - heads.mean(0)) * scale + target_heads.mean(0), 0, 255)


def line(name: str, errors: list[np.ndarray]) -> str:
    return (
        f'| {name} | '
        + ' | '.join(f'{np.sqrt((error**2).mean()):.1f} | {error.mean():+.1f}' for error in errors)
        + ' |'
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='with the loaders source and target, and synth_a2b')
    parser.add_argument('folders', nargs='*', type=Path, help='holding 0, 1, ...: styles')
    args = parser.parse_args()
    cfg = load_config(args.config)
    mapped = cfg.train_dataloader.source.dataset
    source = Persons(mapped)
    target = Persons(cfg.train_dataloader.target.dataset)
    truth = Persons({**mapped, **cfg.synth_a2b})
    row_of = {name: row for row, name in enumerate(truth.names)}
    pair = np.array([row_of[name] for name in source.names])
    cameras = truth.cameras[pair]
    parts = (UPPER, LOWER)
    wanted = [truth.means(part)[pair] for part in parts]
    own = [source.means(part) for part in parts]
    print('| persons of the source | upper body | too bright | lower body | too bright |')
    print('|---|---|---|---|---|')
    print(line('as they are', [a - b for a, b in zip(own, wanted)]))
    heads = {camera: source.heads(camera) for camera in np.unique(source.cameras)}
    target_heads = {camera: target.heads(camera) for camera in np.unique(cameras)}
    closed = [
        np.stack(
            [
                matched(colour, heads[a], target_heads[b])
                for colour, a, b in zip(colours, source.cameras, cameras)
            ]
        )
        for colours in own
    ]
    print(line('matched on heads, closed form', [a - b for a, b in zip(closed, wanted)]))
    for folder in args.folders:
        print(line(str(folder), errors_of(folder, source, cameras, wanted, parts)), flush=True)


def errors_of(
    folder: Path, source: Persons, cameras: np.ndarray, wanted: list[np.ndarray], parts
) -> list[np.ndarray]:
    """(N, 3) for each part: painted minus true colour of the views painted as by the camera that
    the truth was rendered under; style s of image i is that of camera i + s, counted round.
    """
    errors: list[list[np.ndarray]] = [[] for _ in parts]
    for style in sorted(int(each.name) for each in folder.iterdir() if each.name.isdigit()):
        painted_by = (np.arange(len(source.names)) + style) % (cameras.max() + 1)
        for row in np.flatnonzero(painted_by == cameras):
            picture = read_rgb(folder / str(style) / source.names[row]).permute(1, 2, 0).numpy()
            for each, part, true in zip(errors, parts, wanted):
                each.append(region(picture, source.bodies[row], part).mean(0) - true[row])
    return [np.stack(each) for each in errors]


if __name__ == '__main__':
    main()
