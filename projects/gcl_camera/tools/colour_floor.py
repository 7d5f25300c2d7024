"""Benchmark of translations pixel by pixel, and the least error that a map of colours can have.

    python projects/gcl_camera/tools/colour_floor.py \
        projects/gcl_camera/configs/gcl_camera_synth_n.py \
        work_dirs/gcl_camera_synth_n/translated/memory --json colour_floor.json

Renders training images of the source again as the target's camera of their number would have taken
them, in their pose and from their side: the truth, pixel by pixel. The table has the root mean
square error over the bodies' pixels (of 255) of the images as they are, of colours matched on heads
in closed form (CameraColourTransfer), and of folders that TranslatePositivesHook has filled. Beside
them, fitted to the truth by least squares, what no map of that kind can be better than: one affine
map of colours for each camera, one for each image, and one for each of eight bands of an image's
height.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from projects.gcl_camera.gcl_camera import CameraColourTransfer
from projects.gcl_camera.gcl_camera.colour_maps import COLOUR_MAPS
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.config import load_config
from reidgen.registry import DATASETS, build
from reidgen.synthetic import Plan, as_stored, rerender

BANDS = 8
Translation = Callable[[int], np.ndarray | None]  # row -> (H, W, 3); None: there is none
LEAST_PIXELS = 8  # of a body, or a band of it, that a map is fitted to


def aligned(source, oracle: str, limit: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Row of the source, the truth (H, W, 3) uint8, and the body (H, W) bool that both show.

    Args:
        source: data set whose images are rendered again.
        oracle: domain of the truth: the source's people under the target's cameras.
        limit: images, spread over the set.
    """
    plan, other = Plan.of(source.name), Plan.of(oracle)
    rows = {Path(record.path).stem: row for row, record in enumerate(source.records)}
    chosen = {name for name, row in rows.items() if row * limit % len(rows) < limit}
    for job in (job for job in plan.jobs() if job.kind == 'train'):
        for picture in plan.pictures(job):
            if picture.name not in chosen:
                continue
            here, there = (rerender(plan, each, job, picture) for each in (plan, other))
            row = rows[picture.name]
            height, width = source[row].img.shape[1:]
            truth = resized(as_stored(there), height, width)
            body = resized(
                ((here.parts > 0) & (there.parts > 0)).astype(np.uint8) * 255, height, width
            )
            yield row, truth, body == 255


def resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def fitted(colours: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(N, 3) of colours (N, 3) under the affine map that comes nearest to those wanted (N, 3)."""
    known = np.concatenate([colours, np.ones((len(colours), 1))], axis=1)
    return known @ np.linalg.lstsq(known, wanted, rcond=None)[0]


def fitted_by(groups: np.ndarray, colours: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """As `fitted`, by a map of its own for each group of pixels (N,); few pixels stay."""
    out = colours.copy()
    for group in np.unique(groups):
        inside = groups == group
        if inside.sum() >= LEAST_PIXELS:
            out[inside] = fitted(colours[inside], wanted[inside])
    return out


def bands_of(body: np.ndarray) -> np.ndarray:
    """(H, W) int: the band of the body's height, from 0, that a pixel lies in."""
    rows = np.flatnonzero(body.any(1))
    height = rows[-1] + 1 - rows[0]
    band = np.clip((np.arange(len(body)) - rows[0]) * BANDS // height, 0, BANDS - 1)
    return np.broadcast_to(band[:, None], body.shape)


def translations(
    source, target, folders: list[Path], num_cameras: int, closed_forms: Iterable[str] = COLOUR_MAPS
) -> dict[str, Translation]:
    """What translates a row of the source as by the target's camera of its number, by name."""
    found: dict[str, Translation] = {'as they are': partial(untranslated, source)}
    for match in closed_forms:
        transfer = CameraColourTransfer(source, target, num_cameras, match)
        found[f'closed form on heads: {match}'] = partial(matched, transfer, source)
    for folder in folders:
        found[str(folder)] = partial(written, folder, source, num_cameras)
    return found


def untranslated(source, row: int) -> np.ndarray:
    """Image (H, W, 3) as it is."""
    return source[row].img.permute(1, 2, 0).numpy()


def matched(transfer: CameraColourTransfer, source, row: int) -> np.ndarray:
    """Image (H, W, 3) in the colours of the target's camera of its number."""
    item = source[row]
    camera = torch.tensor([item.camid])
    return transfer.transfer(item.img[None], camera, camera)[0].permute(1, 2, 0).numpy()


def written(folder: Path, source, num_cameras: int, row: int) -> np.ndarray | None:
    """Translation (H, W, 3) in the folder of the style that is the camera of the image's number."""
    style = (int(source.camids[row]) - row) % num_cameras  # image i is as by camera i + style
    path = folder / str(style) / Path(source.records[row].path).name
    return read_rgb(path).permute(1, 2, 0).numpy() if path.is_file() else None


def measured(
    source, oracle: str, found: dict[str, Translation], limit: int
) -> dict[str, tuple[float, int]]:
    """Root mean square error and number of images, by the name of what is compared."""
    errors: dict[str, list[np.ndarray]] = {name: [] for name in found}
    pixels, wanted, images, cameras, bands = [], [], [], [], []
    views = tqdm(aligned(source, oracle, limit), total=limit, desc='render', disable=None)
    for row, truth, body in views:
        if body.sum() < LEAST_PIXELS:
            continue
        true = truth[body].astype(float)
        for name, translate in found.items():
            picture = translate(row)
            if picture is not None:
                errors[name].append(picture[body].astype(float) - true)
        pixels.append(source[row].img.permute(1, 2, 0).numpy()[body].astype(float))
        wanted.append(true)
        images.append(np.full(len(true), row))
        cameras.append(np.full(len(true), int(source.camids[row])))
        bands.append(row * BANDS + bands_of(body)[body])
    told = {name: (rms(np.concatenate(each)), len(each)) for name, each in errors.items() if each}
    colours, true = np.concatenate(pixels), np.concatenate(wanted)
    for name, groups in (('camera', cameras), ('image', images), ('band of an image', bands)):
        nearest = fitted_by(np.concatenate(groups), colours, true)
        told[f'least squares: an affine map for each {name}'] = rms(nearest - true), len(images)
    return told


def rms(error: np.ndarray) -> float:
    return float(np.sqrt((error**2).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='with the loaders source and target, and `oracle`')
    parser.add_argument('folders', nargs='*', type=Path, help='holding 0, 1, ...: styles')
    parser.add_argument('--images', type=int, default=400, help='that are rendered again')
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    args = parser.parse_args()
    cfg = load_config(args.config)
    source, target = (
        build(cfg.train_dataloader[name].dataset, DATASETS).plain(maps=True)
        for name in ('source', 'target')
    )
    num_cameras = cfg.model.networks.G.num_cameras
    found = translations(source, target, args.folders, num_cameras)
    told = measured(source, cfg.oracle.domain, found, args.images)
    print('| pixels of the body | error | images |\n|---|---|---|')
    for name, (error, count) in told.items():
        print(f'| {name} | {error:.1f} | {count} |')
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))


if __name__ == '__main__':
    main()
