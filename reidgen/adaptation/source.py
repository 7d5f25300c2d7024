"""Labelled people of an adaptation: their training images, and their own query and gallery."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from reidgen.datasets.folder import PATTERN
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.engine.config import load_config
from reidgen.evaluation.matches import check_matches
from reidgen.registry import DATASETS, build
from reidgen.shipped import root

from .measures import retrieval_labels
from .pictures import is_labelled_layout
from .recipe import BUILT_IN

OF_TRAINING = ('cache_gb', 'camera_ids')  # settings that a test set does not take over


class Source(NamedTuple):
    """Labelled people."""

    expression: str  # of the config
    dataset: ReIDDataset  # its training images


def source_folder(name: str) -> Path | None:
    """Absolute folder of --source; None: it is a built-in set."""
    return None if name in BUILT_IN else Path(os.path.abspath(Path(name).expanduser()))


def find_source(name: str) -> Source:
    """Labelled training images of a name or folder.

    Raises:
        FileNotFoundError: neither; or no image there. ValueError: names without person and camera.
    """
    folder = source_folder(name)
    if folder is None:
        base = load_config(root() / 'configs/_base_/datasets.py')
        config, expression = dict(base[name]), f'_base_.{name}'
    else:
        if not folder.is_dir():
            raise FileNotFoundError(
                f'--source: no folder {folder}, and no built-in set of that name '
                f'({", ".join(BUILT_IN)}); give one of these or a folder of labelled crops'
            )
        layout = 'market' if is_labelled_layout(folder) else 'flat'
        config = dict(type='FolderReID', root=str(folder), layout=layout)
        expression = as_expression(config)
    try:
        dataset = build(dict(config, split='train'), DATASETS, 'source')
    except ValueError as error:
        if folder is None or 'does not fit the pattern' not in str(error):
            raise
        path = str(error).partition(':')[0]
        raise ValueError(
            f'--source: {path} does not tell person and camera like 0002_c1s1_... (pattern '
            f'{PATTERN}); rename the files of the source, or give --source synth_a'
        ) from error
    return Source(expression, dataset)


def as_expression(config: dict[str, Any]) -> str:
    """Text of a data set's config."""
    return 'dict(' + ', '.join(f'{key}={value!r}' for key, value in config.items()) + ')'


def source_test(training: dict[str, Any], protocol: str) -> ReIDDataset | None:
    """Query and gallery of the source with the test transforms of its training.

    Args:
        training: config of its training images.

    Returns:
        None, of a folder without such layout, or, with a remark printed, where nothing can be
        scored: no query or gallery, or no query with a match.

    Raises:
        ValueError: names or files in query or gallery are wrong.
    """
    if training['type'] == 'FolderReID' and training.get('layout') != 'market':
        return None
    resize = [each for each in training['transforms'] if each['type'] == 'Resize']
    kept = {key: value for key, value in training.items() if key not in OF_TRAINING}
    try:
        test = build(kept | dict(split='query+gallery', transforms=resize), DATASETS, 'source')
    except FileNotFoundError as error:
        return _no_test(error)
    except ValueError as error:
        if 'no image is left' not in str(error):  # all are junk
            raise
        return _no_test(error)
    try:
        check_matches(retrieval_labels(test), protocol)
    except ValueError as error:
        return _no_test(error)
    return test


def _no_test(reason: Exception) -> None:
    print(f'remark: source: what is lost on its own test is not measured, as {reason}')
