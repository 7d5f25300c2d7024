"""One thread a process: results do not depend on the machine's cores."""

import os

# for the processes that tests start too, whatever the shell says: bits depend on the number
os.environ['OMP_NUM_THREADS'] = os.environ['MKL_NUM_THREADS'] = '1'
# two processes of a test would ask for two GPUs, and bits depend on the device, too
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')

import torch
from mmengine.config import config as mmengine_config

torch.set_num_threads(1)
# every run writes its config as text, which takes longer to lay out than many a run here takes
mmengine_config.FormatCode = lambda text, style_config: (text, True)


FIRST = ('test_watchdog.py', 'test_distributed.py', 'test_bn_groups.py')


def pytest_collection_modifyitems(items):
    """The file that mostly waits comes first, beside those that fill a core of their own more."""
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else 3)
