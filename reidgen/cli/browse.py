"""Contact sheets of a data set: the subcommand `browse`."""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from reidgen.datasets import ReIDDataset
from reidgen.datasets.image_files import read_rgb
from reidgen.datasets.joint_layouts import LAYOUTS
from reidgen.engine.config import load_config
from reidgen.registry import DATASETS, build
from reidgen.visualization.grids import save_png

PART_COLOURS = np.array(
    [
        [0, 0, 0],
        [230, 190, 160],
        [90, 60, 40],
        [240, 120, 30],
        [70, 130, 230],
        [60, 180, 100],
        [200, 60, 60],
        [170, 80, 200],
    ],
    np.uint8,
)


def run(args: argparse.Namespace) -> None:
    """Writes contact sheets and prints their paths."""
    for path in browse(args):
        print(path)


def build_datasets(args: argparse.Namespace) -> dict[str, ReIDDataset]:
    """Data sets by the name of their sheet."""
    options = dict(args.options)
    if args.target.endswith('.py'):
        loaders = load_config(args.target, options).train_dataloader
        return {
            name: build(loader['dataset'], DATASETS, f'train_dataloader.{name}.dataset')
            for name, loader in loaders.items()
        }
    if args.annotations and args.target == 'SyntheticReID':
        options.setdefault('pose_map', dict(type='SyntheticMesh'))
    dataset = build(dict(type=args.target, split=args.split) | options, DATASETS, args.target)
    return {f'{dataset.name}_{args.split}': dataset}


def chosen_rows(dataset: ReIDDataset, num_ids: int, num_images: int) -> list[list[int]]:
    """Rows of the data set, one list a person, images evenly spaced over the available ones.

    Where nobody is known and one image is asked for, lists are of one of all images each.
    """
    if num_images == 1 and all(record.pid < 0 for record in dataset.records):
        places = np.linspace(0, len(dataset) - 1, min(num_ids, len(dataset)))
        return [[round(place)] for place in places]
    persons: dict[int, list[int]] = {}
    for row, record in enumerate(dataset.records):
        persons.setdefault(record.pid, []).append(row)
    chosen = []
    for pid in sorted(persons)[:num_ids]:
        rows = persons[pid]
        places = np.linspace(0, len(rows) - 1, min(num_images, len(rows)))
        chosen.append([rows[round(place)] for place in places])
    return chosen


def annotated(dataset: ReIDDataset, row: int, height: int) -> list[np.ndarray]:
    """RGB pictures of a record: image, joints, mask, parts, pose maps of all views, and garment."""
    record = dataset.records[row]
    image = dataset.read_image(record)
    picture = image.permute(1, 2, 0).numpy()
    cells = [picture]
    if hasattr(dataset, 'read_joints'):
        cells.append(
            draw_joints(
                fitted(picture, height),
                dataset.read_joints(record).numpy(),
                height / picture.shape[0],
            )
        )
    if hasattr(dataset, 'read_mask'):
        cells.append(grey(dataset.read_mask(record)[0].numpy()))
    if hasattr(dataset, 'read_parts'):
        cells.append(PART_COLOURS[dataset.read_parts(record)[0].numpy() % len(PART_COLOURS)])
    if dataset.pose_map is not None:
        for view in (None, *dataset.pose_map.novel_views):
            loaded = dataset.pose_map.load(record, dataset.split, view, image)
            cells.append(as_picture(loaded))
    if hasattr(dataset, 'garment_pairs'):
        pairs = {pair.record.path: pair for pair in dataset.garment_pairs()}
        if record.path in pairs:
            cells.append(read_rgb(pairs[record.path].worn).permute(1, 2, 0).numpy())
    return cells


def draw_joints(picture: np.ndarray, joints: np.ndarray, scale: float) -> np.ndarray:
    """Draws limbs between visible joints in yellow, joints in red, hidden ones as blue rings."""
    picture = picture.copy()
    places = [tuple(round(float(value + 0.5) * scale) for value in joint[:2]) for joint in joints]
    limbs = {len(each.names): each.limbs for each in LAYOUTS.values()}[len(joints)]
    for first, second in limbs:
        if joints[first, 2] and joints[second, 2]:
            cv2.line(picture, places[first], places[second], (255, 255, 0), 1, cv2.LINE_AA)
    for place, visible in zip(places, joints[:, 2]):
        colour, filled = ((255, 0, 0), -1) if visible else ((60, 120, 255), 1)
        cv2.circle(picture, place, 2, colour, filled, cv2.LINE_AA)
    return picture


def as_picture(maps: torch.Tensor) -> np.ndarray:
    """RGB picture of maps (M, H, W): three channels are its colours, others the largest in grey."""
    return maps.permute(1, 2, 0).numpy() if len(maps) == 3 else grey(maps.amax(0).numpy())


def grey(plane: np.ndarray) -> np.ndarray:
    return np.repeat(plane[:, :, None], 3, 2)


def fitted(picture: np.ndarray, height: int) -> np.ndarray:
    """Picture resized to a height, aspect ratio kept."""
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=cv2.INTER_CUBIC)


def sheet(rows: list[list[np.ndarray]], height: int) -> np.ndarray:
    """Contact sheet (H, W, 3) uint8 RGB: rows of pictures with white lines between."""
    strips = []
    for cells in rows:
        framed = [
            cv2.copyMakeBorder(
                fitted(cell, height), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255, 255, 255)
            )
            for cell in cells
        ]
        strips.append(np.hstack(framed))
    width = max(strip.shape[1] for strip in strips)
    return np.vstack(
        [
            cv2.copyMakeBorder(
                strip, 0, 0, 0, width - strip.shape[1], cv2.BORDER_CONSTANT, value=(255, 255, 255)
            )
            for strip in strips
        ]
    )


def browse(args: argparse.Namespace) -> list[Path]:
    """Writes one contact sheet for each data set."""
    out, written = Path(args.out), []
    out.mkdir(parents=True, exist_ok=True)
    for name, dataset in build_datasets(args).items():
        annotate = args.annotations or (
            args.target.endswith('.py') and dataset.pose_map is not None
        )
        rows = []
        for chosen in chosen_rows(dataset, args.ids, 1 if annotate else args.images):
            if annotate:
                rows.append(annotated(dataset, chosen[0], args.height))
            else:
                rows.append(
                    [
                        dataset.read_image(dataset.records[row]).permute(1, 2, 0).numpy()
                        for row in chosen
                    ]
                )
        path = out / f'{name}{"_annotations" if annotate else ""}.png'
        save_png(torch.from_numpy(sheet(rows, args.height)).permute(2, 0, 1), path)
        written.append(path)
    return written
