"""What benchmarks of one thread were measured on."""

import os
import platform
from pathlib import Path

import numpy as np
import torch


def machine() -> dict:
    """Machine and versions."""
    cpus = Path('/proc/cpuinfo')
    lines = cpus.read_text().splitlines() if cpus.is_file() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return dict(
        cpu=names[0] if names else platform.processor(),
        cores=os.cpu_count(),
        threads=1,
        python=platform.python_version(),
        torch=torch.__version__,
        numpy=np.__version__,
    )
