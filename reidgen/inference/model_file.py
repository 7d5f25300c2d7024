"""Model files: a safetensors file of weights with all that is needed to use them, as data.

The metadata of the file has one entry, `reidgen`: the JSON text of a `ModelInfo` and a SHA-256 over
it and the tensors. No Python config is needed and no pickle is read.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from reidgen import registry
from reidgen.choices import is_whole, listed
from reidgen.evaluation.calibration import Calibration
from reidgen.evaluation.camera_statistics import CameraStatistics
from reidgen.files import read_json, written_whole
from reidgen.retrieval.feature_extractor import check_types
from reidgen.retrieval.manifest import EncoderInfo, checked_fields
from reidgen.shipped import has_module, import_from_root

VERSION, VERSIONS = 2, (1, 2)  # 2: batch-norm statistics by camera
KEY = 'reidgen'  # in the metadata
SUFFIX = '.safetensors'


@dataclass(frozen=True)
class ModelInfo:
    """Description of a model: plain values, as JSON keeps them."""

    name: str  # of the config it was trained with, without suffix; of a config.py its folder's
    model: dict  # config of the registered model, without pretrained weights
    transforms: list  # configs of the test transforms
    input_size: list  # [height, width] after them
    dims: int  # D of a feature; 0 where the model only translates
    normalisation: str  # of a feature: 'L2'
    domains: list = field(default_factory=list)  # whose style `translate` gives
    pose_map: list = field(default_factory=list)  # configs of maps that `translate` needs
    imports: list = field(default_factory=list)  # modules that register classes of `model`
    cameras: list = field(default_factory=list)  # names, by which batch-norm statistics are
    training_data: str = 'not stated'
    licence: str = 'not stated'
    metrics: dict = field(default_factory=dict)  # of `reidgen test`, per cent, by name
    tested_on: str = ''  # data set and protocol of the metrics
    calibration: dict = field(default_factory=dict)  # of `Calibration`; empty: not measured
    checkpoint_sha256: str = ''  # of the file that the weights come from
    reidgen_version: str = ''

    def encoder_info(self, path: str | Path) -> EncoderInfo:
        """Description of the encoder in a model file, for feature stores."""
        path = Path(path).absolute()
        return EncoderInfo(
            str(path), str(path), '', self.model, self.transforms, cameras=self.cameras
        )

    def __str__(self) -> str:
        height, width = self.input_size
        scores = ', '.join(f'{key} {value:.1f}' for key, value in self.metrics.items())
        lines = [
            f'{self.name}: images {height} x {width}'
            + (f', features of {self.dims} dimensions' if self.dims else '')
            + (f', translates as {" or ".join(self.domains)}' if self.domains else ''),
            *self._camera_lines(),
            f'trained on: {self.training_data}',
            f'tested on {self.tested_on}: {scores} per cent' if scores else 'test: not stated',
            f'licence of the weights: {self.licence}',
        ]
        if self.calibration:
            found = Calibration.from_dict(self.calibration)
            lines.insert(
                -1,
                f'threshold {1 - found.threshold / 2:.3f} of similarity: {found.fmr:.1%} false '
                f'matches, {found.fnmr:.1%} false non-matches',
            )
        return '\n'.join(lines)

    def _camera_lines(self) -> list[str]:
        if not self.cameras:
            return []
        return [f'batch-norm statistics by camera: {", ".join(self.cameras)}']


def write_model_file(path: str | Path, info: ModelInfo, state: dict[str, Tensor]) -> None:
    """Writes a model file atomically.

    Raises:
        ValueError: the name does not end in .safetensors.
        OSError: it cannot be written.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f"the model file is '{path}'; give a name that ends in {SUFFIX}")
    state = {key: value.detach().cpu().clone().contiguous() for key, value in state.items()}
    content = dict(version=VERSION if info.cameras else 1, info=asdict(info))
    content['sha256'] = digest(content['info'], state)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        save_file(state, part, metadata={'format': 'pt', KEY: json.dumps(content)})


def read_model_file(path: str | Path) -> tuple[ModelInfo, dict[str, Tensor]]:
    """Description and tensors of a model file, on the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, of another version, has weights alone, or names classes by import
            paths.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'no model file {path} (relative paths start at {Path.cwd()}); make one with '
            f'`reidgen export CONFIG CHECKPOINT --out {path.stem or "model"}{SUFFIX}`'
        )
    try:
        with safe_open(path, framework='pt', device='cpu') as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in sorted(file.keys())}
    except (SafetensorError, OSError) as error:
        raise ValueError(_damaged(path, str(error))) from error
    return _info(path, metadata.get(KEY), state), state


def _info(path: Path, text: str | None, state: dict[str, Tensor]) -> ModelInfo:
    """Checked description of a file's metadata."""
    if text is None:
        raise ValueError(
            f'{path} has weights alone and does not say of which model; give the config with it, '
            f'or make a model file: `reidgen export CONFIG {path} --out model{SUFFIX}`'
        )
    try:
        content = read_json(text)
        version = content['version']
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(_damaged(path, f'its description: {error}')) from error
    if version not in VERSIONS:
        raise ValueError(
            f'{path} is a model file of version {version!r}, this reidgen reads '
            f'{listed(VERSIONS)}; export '
            f'the model again, or install the reidgen that it was made with'
        )
    if digest(content.get('info'), state) != content.get('sha256'):
        raise ValueError(_damaged(path, 'its SHA-256 is another'))
    try:
        info = ModelInfo(**checked_fields(content['info'], ModelInfo))
        check_types(info.model, 'model')
        check_types(info.transforms, 'transforms')
        check_types(info.pose_map, 'pose_map')
        if len(info.input_size) != 2 or not all(is_whole(side, 1) for side in info.input_size):
            raise ValueError(f'input_size is {info.input_size}, not [height, width]')
        if info.calibration:
            Calibration.from_dict(info.calibration)
        if not all(isinstance(name, str) for name in info.cameras):
            raise ValueError(f'cameras are {info.cameras}, not names')
        CameraStatistics.taken_from(info.cameras, dict(state))
    except (ValueError, TypeError) as error:
        raise ValueError(f'{path} describes no model that can be used: {error}') from error
    return info


def digest(info: Any, state: dict[str, Tensor]) -> str:
    """SHA-256 of a description and of tensors with their names, types and shapes."""
    found = hashlib.sha256(json.dumps(info, sort_keys=True).encode())
    for key in sorted(state):
        value = state[key].contiguous()
        found.update(f'{key} {value.dtype} {tuple(value.shape)}'.encode())
        data = value.reshape(-1).view(torch.uint8)
        found.update(data.numpy().data if len(data) else b'')
    return found.hexdigest()


def _damaged(path: Path, reason: str) -> str:
    return f'the model file {path} is cut short or damaged ({reason}); copy or export it again'


def import_classes(info: ModelInfo, path: Path) -> None:
    """Imports the project of a model, if it comes with reidgen.

    Raises:
        ValueError: a class of the model is registered by nothing that was imported.
    """
    modules = [str(name) for name in info.imports]
    for module in filter(has_module, modules):
        import_from_root()
        import_module(module)
    for kind in types_of([info.model, info.transforms, info.pose_map]):
        if not registry.find_all(kind):
            fix = f'import {listed(modules)} before' if modules else 'install the reidgen of it'
            raise ValueError(
                f"{path} needs '{kind}', which nothing imported so far registers; {fix}"
            )


def types_of(settings: Any) -> Iterator[str]:
    """Names of the classes in nested configs."""
    if isinstance(settings, dict):
        if isinstance(settings.get('type'), str):
            yield settings['type']
        for value in settings.values():
            yield from types_of(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from types_of(value)


def cast_weights(state: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Weights in a floating-point type; whole numbers as they are.

    Raises:
        ValueError: NaN or infinity among them, or a value beyond the range of the type.
    """
    cast = {}
    for key, value in state.items():
        cast[key] = value.to(dtype) if value.is_floating_point() else value
        if torch.isfinite(cast[key]).all():
            continue
        if not torch.isfinite(value).all():
            raise ValueError(
                f'{key} has NaN or infinity in the checkpoint; its training diverged: export an '
                f'earlier checkpoint'
            )
        raise ValueError(f"{key} has values beyond the range of float16; use dtype='float32'")
    return cast
