"""Annotation records of the rendered persons, and the lists made of them."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from reidgen.files import write_json
from reidgen.synthetic.plan import FOLDERS, Job


def read_json(path: Path) -> dict | None:
    """Content of a JSON file; None if it is missing or incomplete."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return None  # not there, or the machine went down while it was written: do it again


def mean_iou(records: Iterable[dict]) -> dict:
    """Mean IoU of mesh and silhouette, and the number of pictures."""
    ious = [iou for record in records for iou in record['ious']]
    return {'mean': round(float(np.mean(ious)), 4) if ious else None, 'images': len(ious)}


def merged_files(records: Iterable[dict]) -> dict[str, str]:
    """Fingerprints of all files, sorted by name."""
    return dict(sorted(item for record in records for item in record['files'].items()))


def write_joints(part: Path, records: Iterable[dict]) -> None:
    """Writes joints/<split>.json, as JointHeatmap reads it."""
    (part / 'joints').mkdir(exist_ok=True)
    joints: dict[str, dict] = {split: {} for split in FOLDERS}
    for record in records:
        for split, named in record['joints'].items():
            joints[split].update(named)
    for split, named in joints.items():
        write_json(part / 'joints' / f'{split}.json', dict(sorted(named.items())), compact=True)


def write_garment_pairs(part: Path, records: dict[Job, dict]) -> None:
    """Writes the worn garment of each image: split, image, worn."""
    rows = [
        (split, f'{FOLDERS[split]}/{name}', f'garment/{job.number:04d}.jpg')
        for job, record in records.items()
        if job.kind in ('train', 'test', 'validation')
        for split, named in record['joints'].items()
        for name in named
    ]
    with (part / 'garment_pairs.csv').open('w', newline='') as file:
        csv.writer(file).writerows([('split', 'image', 'worn'), *sorted(rows)])
