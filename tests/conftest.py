"""One thread a process: results do not depend on the machine's cores."""

import os

# for the processes that tests start too, whatever the shell says: bits depend on the number
os.environ['OMP_NUM_THREADS'] = os.environ['MKL_NUM_THREADS'] = '1'


def pytest_configure(config):
    """Hides GPUs, but from `pytest -m gpu`: two processes of a test would ask for two, and bits
    depend on the device, too. The process of `-n` that only hands out tests needs no torch."""
    if not config.option.markexpr.startswith('gpu'):
        os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')
    if hasattr(config, 'workerinput') or not config.getoption('numprocesses', 0):
        settle()


def settle() -> None:
    """Settings of the libraries in a process that runs tests."""
    import torch
    from mmengine.config import config as mmengine_config
    from torch.utils.data import _utils as loader_utils

    torch.set_num_threads(1)
    # seconds that a loader waits for its worker before it ends it: 5, and waited in vain wherever
    # the garbage collector, of a failed training's frames, takes the loader's queues with it
    loader_utils.MP_STATUS_CHECK_INTERVAL = 0.5
    # every run writes its config as text, which takes longer to lay out than many a run here takes
    mmengine_config.FormatCode = lambda text, style_config: (text, True)


def pytest_xdist_auto_num_workers(config) -> int:
    """Processes of `-n auto`: one more than cores, as slow tests wait for files and processes.

    Not for the fast tests alone, where importing torch once more costs more than is gained.
    """
    return len(os.sched_getaffinity(0)) + (config.option.markexpr != 'not slow')


# the first waits most, the next start several processes that fill the core meanwhile
FIRST = ('test_watchdog.py', 'test_distributed.py', 'test_bn_groups.py')


def pytest_collection_modifyitems(items):
    """Files with slow tests come first: the quick ones even out the end of a parallel run."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}

    def rank(item) -> tuple[int, bool]:
        name = item.path.name
        return (FIRST.index(name) if name in FIRST else len(FIRST), item.path not in slow)

    items.sort(key=rank)
