"""Annotation records of the rendered persons, and the lists made of them."""

import csv
import json
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from reidgen.files import read_json, write_json
from reidgen.synthetic.plan import FOLDERS, Job


def write_record(path: Path, content: dict) -> None:
    """Writes what a rendering keeps to continue after an interruption, with its checksum."""
    write_json(path, {'crc32': _checksum(content), 'content': content}, compact=True)


def read_record(path: Path) -> dict | None:
    """Content of such a file; None where it is missing or damaged, and is to be made again."""
    try:
        found = read_json(path.read_bytes()) if path.is_file() else None
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get('crc32') != _checksum(found.get('content')):
        return None
    return found['content']


def _checksum(content: object) -> int:
    return zlib.crc32(json.dumps(content).encode())


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
