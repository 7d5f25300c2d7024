"""Manifest of a rendering: contents, and fingerprints for detecting changes.

A JPEG file is decoded, and the means of its luma in 32 blocks are kept as whole grey levels. Two
decoders, or two encoders of the same picture, differ by far less than TOLERANCE in a mean over 256
pixels or more, while 8 x 8 pixels of an image that change by 20 levels move it by more. A hash of
the pixels could not do this: there is always a value that a rounding moves across a border. PNG
files hold labels without loss: the checksum of their pixels is kept.
"""

import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from reidgen.files import read_json, write_text
from reidgen.synthetic.plan import FOLDERS

NAME = 'manifest.json'
CHECKS = ('none', 'sample', 'all')
NUM_BLOCKS = 32
NUM_SAMPLED = 64  # files that check='sample' decodes, others each time
TOLERANCE = 2  # grey levels of a block's mean: another JPEG library
REFERENCE_TOLERANCE = 4  # also another machine's rounding, which moves edges a little
COMPARED = ('bounding_box_train/', 'query/')
NUM_REFERENCE = 24  # pictures a domain that the package keeps fingerprints of
REFERENCE = Path(__file__).parent / 'assets' / 'reference.json'
CODE = re.compile(rf'[0-9a-f]{{8}}|[0-9a-f]{{{2 * NUM_BLOCKS}}}')  # a fingerprint
FIELDS = {'version': str, 'domain': str, 'libraries': str, 'maps': bool, 'num_images': int}


def fingerprint(data: bytes, name: str) -> str:
    """Fingerprint in hexadecimal: 32 block means of a JPEG file, checksum of a PNG's pixels.

    Raises:
        ValueError: the data are no picture.
    """
    flags = cv2.IMREAD_UNCHANGED if name.endswith('.png') else cv2.IMREAD_GRAYSCALE
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if pixels is None:
        raise ValueError(f'{name} is no picture that can be decoded')
    if name.endswith('.png'):
        return f'{zlib.crc32(np.ascontiguousarray(pixels).tobytes()):08x}'
    height, width = pixels.shape[:2]
    columns = 8 if width > height else 4  # a strip of eight maps: one column each
    blocks = cv2.resize(
        pixels.astype(np.float32), (columns, NUM_BLOCKS // columns), interpolation=cv2.INTER_AREA
    )
    return np.rint(blocks).astype(np.uint8).tobytes().hex()


def differ(first: str, second: str, tolerance: int = TOLERANCE) -> bool:
    """Whether two fingerprints differ beyond decoder tolerance."""
    if len(first) != 2 * NUM_BLOCKS or len(second) != 2 * NUM_BLOCKS:
        return first != second
    a, b = (np.frombuffer(bytes.fromhex(code), np.uint8).astype(int) for code in (first, second))
    return bool(np.abs(a - b).max() > tolerance)


def read_manifest(folder: Path) -> dict | None:
    """Manifest of a finished rendering; None if there is none.

    Raises:
        ValueError: the file is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        manifest = read_json(path.read_bytes())
        _check_fields(manifest)
    except ValueError as error:
        raise ValueError(
            f'{path} is damaged ({error}); delete {folder}, it is rendered again when it is needed'
        ) from error
    return manifest


def _check_fields(manifest: Any) -> None:
    """Raises ValueError for the first field that cannot be a manifest's."""
    if not isinstance(manifest, dict):
        raise ValueError(f'it holds a {type(manifest).__name__}, not an object')
    for name, kind in FIELDS.items():
        if not isinstance(manifest.get(name), kind):
            raise ValueError(f'{name} is {manifest.get(name)!r:.40}, not a {kind.__name__}')
    files, splits, overlap = (manifest.get(name) for name in ('files', 'splits', 'mesh_iou'))
    if not isinstance(files, dict) or not files:
        raise ValueError(f'files is {files!r:.40}, not fingerprints by name')
    for name, code in files.items():
        if not isinstance(code, str) or not CODE.fullmatch(code):
            raise ValueError(f'the fingerprint of {name} is {code!r:.40}')
    if not isinstance(splits, dict) or splits.keys() != FOLDERS.keys():
        raise ValueError(f'splits is {splits!r:.40}; they are {", ".join(FOLDERS)}')
    for name, counts in splits.items():
        whole = isinstance(counts, list) and all(type(count) is int for count in counts)
        if not whole or len(counts) != 2:
            raise ValueError(f'splits.{name} is {counts!r:.40}, not two whole numbers')
    if not isinstance(overlap, dict) or not {'mean', 'images'} <= overlap.keys():
        raise ValueError(f'mesh_iou is {overlap!r:.40}; it has mean and images')


def check_files(
    folder: Path, manifest: dict, how: str = 'sample', rng: np.random.Generator | None = None
) -> None:
    """Checks a rendering against its manifest.

    Args:
        how: 'sample' decodes NUM_SAMPLED files, 'all' every file, 'none' reads nothing; the
            first two also compare the names.
        rng: draws the sample; None: other files each time.

    Raises:
        ValueError: files are missing, too many, or changed.
    """
    if how not in CHECKS:
        raise ValueError(f"check is '{how}'; it must be one of {', '.join(CHECKS)}")
    if how == 'none':
        return
    files = manifest['files']
    folders = sorted({name.split('/')[0] for name in files})
    found = {
        f'{inner}/{path.name}'
        for inner in folders
        if (folder / inner).is_dir()
        for path in (folder / inner).iterdir()
        if path.suffix in ('.jpg', '.png')
    }
    wrong = [f'{name} is missing' for name in sorted(set(files) - found)]
    wrong += [f'{name} does not belong here' for name in sorted(found - set(files))]
    _complain(folder, wrong)
    names = sorted(files)
    if how == 'sample' and len(names) > NUM_SAMPLED:
        rows = (rng or np.random.default_rng()).choice(len(names), NUM_SAMPLED, replace=False)
        names = [names[row] for row in sorted(rows)]
    for name in names:
        if not (folder / name).is_file():  # opened, a pipe would wait for ever
            wrong.append(f'{name} is no file')
            continue
        try:
            changed = differ(fingerprint((folder / name).read_bytes(), name), files[name])
        except ValueError:
            changed = True
        if changed:
            wrong.append(f'{name} is not what was rendered')
    _complain(folder, wrong)


def _complain(folder: Path, wrong: Sequence[str]) -> None:
    if wrong:
        listed = '\n  '.join(wrong[:10])
        raise ValueError(
            f'{folder}: {len(wrong)} files are not those of {NAME}, the first:\n'
            f'  {listed}\nDelete {folder}, it is rendered again when it is needed'
        )


def write_reference(manifests: Sequence[dict]) -> None:
    """Writes these renderings' fingerprints as the reference of a new version.

    Args:
        manifests: of the size 'tiny', one a domain.
    """
    fingerprints = {}
    for manifest in manifests:
        images = sorted(name for name in manifest['files'] if name.startswith(COMPARED))
        step = len(images) // NUM_REFERENCE
        fingerprints[manifest['domain']] = {
            name: manifest['files'][name] for name in images[::step][:NUM_REFERENCE]
        }
    content = {
        'version': manifests[0]['version'],
        'libraries': manifests[0]['libraries'],
        'fingerprints': fingerprints,
    }
    write_text(REFERENCE, json.dumps(content, indent=1) + '\n')


def reference_difference(manifest: dict) -> str | None:
    """Message where a benchmark rendering is not that of the published numbers, else None.

    The pictures of a few persons, who are in every size, are compared with those that the version
    was published with.
    """
    reference = json.loads(REFERENCE.read_text())
    if manifest['version'] != reference['version']:
        return f'the rendering is {manifest["version"]}, the reference {reference["version"]}'
    known = reference['fingerprints'][manifest['domain']]
    files = manifest['files']
    wrong = [
        name
        for name, code in known.items()
        if name not in files or differ(files[name], code, REFERENCE_TOLERANCE)
    ]
    if not wrong:
        return None
    return (
        f'{len(wrong)} of {len(known)} compared pictures of {manifest["domain"]} are not those '
        f"of {reference['version']}, the first {wrong[0]}: this machine's libraries "
        f'({manifest["libraries"]}) render otherwise'
    )
