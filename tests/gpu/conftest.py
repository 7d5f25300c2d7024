"""The device of the tests of this folder, each of which compares it with the CPU.

pytest -m gpu                     # on CUDA
REIDGEN_GPU_TESTS=cpu pytest -m gpu   # do the tests themselves run?
"""

import os

import pytest
import torch


def pytest_collection_modifyitems(items):
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.gpu)


@pytest.fixture
def device():
    """CUDA with exact products."""
    if os.environ.get('REIDGEN_GPU_TESTS') == 'cpu':
        yield 'cpu'
        return
    if not torch.cuda.is_available():
        pytest.skip('needs a CUDA device, and `pytest -m gpu`, without which none is shown')
    switches = [torch.backends.cuda.matmul, torch.backends.cudnn]
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = False
    yield 'cuda'
    for switch, value in zip(switches, before):
        switch.allow_tf32 = value
