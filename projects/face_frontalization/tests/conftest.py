"""Rendered faces, made once for all processes of a run of the tests."""

import pytest

from reidgen.datasets import SyntheticFaces


@pytest.fixture(scope='session')
def faces(tmp_path_factory, request) -> str:
    """Folder of the rendering 'tiny': 8 training and 4 test persons, 2 lights at each yaw. It is
    not to be changed."""
    place = tmp_path_factory.getbasetemp()
    if hasattr(request.config, 'workerinput'):  # under pytest-xdist each worker has a folder below
        place = place.parent
    SyntheticFaces('tiny', str(place / 'synthetic_faces'))
    return str(place / 'synthetic_faces')
