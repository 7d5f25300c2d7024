"""Renderings of a handful of people, and their files."""

from pathlib import Path

import cv2
import numpy as np

from reidgen.synthetic import Plan, Size

FEW = Size(num_train=1, num_test=1, num_distractors=1, num_junk=1)


def few(domain: str = 'synth_a', **changes) -> Plan:
    """A plan of four people."""
    return Plan(domain, 'few', FEW._replace(**changes))


def tree(folder: Path) -> dict[str, bytes]:
    """Contents by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def same_pictures(one: dict[str, bytes], other: dict[str, bytes]) -> bool:
    """Whether two trees have the same files; JPEGs may differ by what a processor's rounding does.

    Two processes may use other instructions for the same sum; what the manifest allows, too.
    """
    if one.keys() != other.keys():
        return False
    for name in [name for name in one if one[name] != other[name] and name != 'manifest.json']:
        if not name.endswith('.jpg'):
            return False
        pictures = [
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(float)
            for data in (one[name], other[name])
        ]
        if pictures[0].shape != pictures[1].shape or np.abs(np.subtract(*pictures)).mean() > 0.5:
            return False
    return True
