"""Manifest of a feature store: encoder, data set, sizes; manifest.json."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reidgen.files import read_json

VERSION = 3
MANIFEST = 'manifest.json'
SHARDS = 'shard_*.npy'  # what `Manifest.shard_path` names, of any manifest
DTYPES = ('float32', 'float16')


class _OtherVersion(ValueError):
    """Error for a manifest of another version, whose other keys are not looked at."""


@dataclass(frozen=True)
class EncoderInfo:
    """Origin of the features, enough to build the encoder again: plain data, no code."""

    config: str  # absolute path; where `model` comes from, never read again
    checkpoint: str  # absolute path
    checkpoint_sha256: str  # of the file
    model: dict  # the config's, without pretrained weights
    transforms: list  # of a test image
    amp: bool = False  # bfloat16 autocast, which changes the features a little
    cameras: list = field(
        default_factory=list
    )  # by which batch-norm statistics are; camid 0, 1, ...

    def camera_name(self, camid: int) -> str:
        """Name of a camera: the model's, or its number in file names; '' where it is unknown."""
        if camid < 0:
            return ''
        return self.cameras[camid] if self.cameras else str(camid + 1)

    @property
    def model_sha256(self) -> str:
        """SHA-256 of the settings that determine the features, besides weights."""
        kept = {key: value for key, value in self.model.items() if key != 'loss_weights'}
        text = json.dumps([kept, self.transforms], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def difference(self, other: 'EncoderInfo') -> str | None:
        """Difference, with both values, that makes features incomparable; None without one."""
        for key in ('checkpoint_sha256', 'model_sha256', 'amp'):
            mine, theirs = getattr(self, key), getattr(other, key)
            if mine != theirs:
                of = {
                    'checkpoint_sha256': f' ({self.checkpoint}, {other.checkpoint})',
                    'model_sha256': f' ({self.config}, {other.config})',
                }.get(key, '')
                return f'{key} {str(mine)[:12]} and {str(theirs)[:12]}{of}'
        return None


@dataclass(frozen=True)
class Manifest:
    """Manifest of N features with D dimensions in shards of S rows, the last one shorter."""

    encoder: EncoderInfo
    dataset: str  # its name and split, for messages
    root: str  # absolute folder that the paths of images.csv start from
    images_sha256: str  # of images.csv
    num_images: int
    dims: int
    shard_size: int
    dtype: str = 'float32'
    normalisation: str = 'L2'  # every row has unit length
    version: int = VERSION

    @property
    def key(self) -> str:
        """Key of encoder and image list, 8 hex digits in the name of each shard."""
        encoder = self.encoder
        decides = [encoder.checkpoint_sha256, encoder.model_sha256, encoder.amp, self.images_sha256]
        decides += [self.dims, self.shard_size, self.dtype]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:8]

    @property
    def num_shards(self) -> int:
        return -(-self.num_images // self.shard_size)

    def rows(self, shard: int) -> range:
        """Rows of a shard in the list of images."""
        first = shard * self.shard_size
        return range(first, min(first + self.shard_size, self.num_images))

    def shard_path(self, folder: Path, shard: int) -> Path:
        """Path of a shard, `shard_00000_<key>.npy`."""
        return folder / f'shard_{shard:05d}_{self.key}.npy'


def read_manifest(folder: str | Path) -> Manifest:
    """Manifest read from a feature store.

    Raises:
        FileNotFoundError: the folder has none.
        ValueError: it is damaged, or of another version.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f'no feature store in {Path(folder).absolute()}: it has no {MANIFEST}; make one of a '
            f'folder of images with `reidgen extract MODEL --images FOLDER --out FEATURES`, and '
            f'give FEATURES'
        )
    try:
        values = read_json(path.read_bytes())
        if not isinstance(values, dict):
            raise TypeError(f'a {type(values).__name__}, not an object')
        if values['version'] != VERSION:
            raise _OtherVersion(
                f'{path} has version {values["version"]!r}, this reidgen reads {VERSION}; extract '
                f'the features again into another folder'
            )
        encoder = EncoderInfo(**checked_fields(values['encoder'], EncoderInfo))
        manifest = Manifest(**checked_fields(dict(values, encoder=encoder), Manifest))
        if min(manifest.num_images, manifest.dims, manifest.shard_size) < 1:
            raise TypeError('num_images, dims and shard_size must be at least 1')
        if manifest.dtype not in DTYPES:
            raise TypeError(f'dtype is {manifest.dtype!r}')
        if manifest.normalisation != 'L2':
            raise TypeError(f'normalisation is {manifest.normalisation!r}; features are of L2')
        return manifest
    except _OtherVersion:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is damaged ({type(error).__name__}: {error}); restore it, or extract the '
            f'features again into another folder'
        ) from error


def checked_fields(values: Any, kind: type) -> dict:
    """Values of a dataclass's fields, each checked to be of the type that it is annotated with.

    Raises:
        TypeError: one is not, or the values are no dict.
    """
    if not isinstance(values, dict):
        raise TypeError(f'{kind.__name__} is {values!r}')
    for key, expected in kind.__annotations__.items():
        value = values.get(key)
        if key in values and (
            not isinstance(value, expected) or (expected is int and isinstance(value, bool))
        ):
            raise TypeError(f'{key} is {value!r}, not {expected.__name__}')
    return values


def manifest_text(manifest: Manifest) -> str:
    return json.dumps(asdict(manifest), indent=1) + '\n'
