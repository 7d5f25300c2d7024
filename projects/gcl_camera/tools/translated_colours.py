"""Benchmark of translated colours against the truth: the same persons rendered under the cameras of
the target (synth_a2b).

    python projects/gcl_camera/tools/translated_colours.py \
        projects/gcl_camera/configs/gcl_camera_synth.py work_dirs/gcl_camera_synth/translated/*

prints, for each folder that TranslatePositivesHook has filled, how far the mean colours of upper
and lower body lie from the truth (root mean square over channels and images, of 255) and how much
too bright they are. Beside them: the images as they are, and colours matched in closed form
(CameraColourTransfer).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from projects.gcl_camera.gcl_camera import CameraColourTransfer
from projects.gcl_camera.gcl_camera.background_bank import body_of
from projects.gcl_camera.gcl_camera.colour_transfer import band_of
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.config import load_config
from reidgen.registry import DATASETS, build

UPPER, LOWER = (0.2, 0.5), (0.55, 0.9)  # shares of a body's height


class Persons:
    """Pictures, bodies, names and cameras of a training set with meshes."""

    def __init__(self, cfg: dict):
        self.dataset = build(cfg, DATASETS).plain(maps=True)
        self.names = [Path(record.path).name for record in self.dataset.records]
        self.cameras = self.dataset.camids
        items = [self.dataset[row] for row in range(len(self.dataset))]
        self.pictures = torch.stack([item.img for item in items])
        self.bodies = [body_of(item.pose_map).astype(bool) for item in items]

    def means(self, part: tuple[float, float], pictures: Tensor | None = None) -> np.ndarray:
        """(N, 3) mean colours of a part of each person, in these pictures or their own."""
        pictures = self.pictures if pictures is None else pictures
        each = zip(pictures, self.bodies, self.names)
        return np.stack([mean_colour(picture, body, part, name) for picture, body, name in each])


def mean_colour(
    picture: Tensor, body: np.ndarray, part: tuple[float, float], name: str
) -> np.ndarray:
    """(3,) of a picture (3, H, W) where a body (H, W) of bool lies, between these heights."""
    band = band_of(body, part)
    if not band.any():
        raise ValueError(f'the mesh of {name} shows no body between the heights {part}')
    return picture[:, torch.from_numpy(band)].double().mean(1).numpy()


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
    transfer = CameraColourTransfer(source.dataset, target.dataset)
    closed = transfer.transfer(source.pictures, source.cameras, cameras)
    parts = (UPPER, LOWER)
    wanted = [truth.means(part)[pair] for part in parts]
    print('| persons of the source | upper body | too bright | lower body | too bright |')
    print('|---|---|---|---|---|')
    for name, pictures in (('as they are', source.pictures), ('heads, closed form', closed)):
        errors = [source.means(part, pictures) - true for part, true in zip(parts, wanted)]
        print(line(name, errors), flush=True)
    num_cameras = cfg.model.networks.G.num_cameras
    for folder in args.folders:
        errors = errors_of(folder, source, cameras.numpy(), num_cameras, wanted, parts)
        print(line(str(folder), errors), flush=True)


def errors_of(
    folder: Path, source: Persons, cameras: np.ndarray, num_cameras: int, wanted, parts
) -> list[np.ndarray]:
    """(N, 3) for each part: translated minus true colour of what is translated as by the camera
    that the truth was rendered under; style s of image i is that of camera i + s, counted round.

    Args:
        cameras: (N,) of the truth.
        num_cameras: styles of G.
        wanted: for each part, (N, 3) true colours.

    Raises:
        ValueError: the folder has no such picture.
    """
    errors: list[list[np.ndarray]] = [[] for _ in parts]
    for style in sorted(int(each.name) for each in folder.iterdir() if each.name.isdigit()):
        translated_as = (np.arange(len(source.names)) + style) % num_cameras
        for row in np.flatnonzero(translated_as == cameras):
            name, body = source.names[row], source.bodies[row]
            picture = read_rgb(folder / str(style) / name)
            for each, part, true in zip(errors, parts, wanted):
                each.append(mean_colour(picture, body, part, name) - true[row])
    if not errors[0]:
        raise ValueError(
            f'{folder} has no picture translated as by the camera of the truth; give folders that '
            f'TranslatePositivesHook has filled, with styles 0, 1, ... below them'
        )
    return [np.stack(each) for each in errors]


if __name__ == '__main__':
    main()
