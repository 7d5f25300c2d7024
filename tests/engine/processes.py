"""Forks of this process that form one gloo group."""

import os
import socket
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from tests import forks


def free_port() -> str:
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return str(found.getsockname()[1])


def start(count: int, work: Callable[[int], object], folder: Path) -> dict[int, Path]:
    """Processes that do the work of their rank; one has no group.

    Returns:
        Their numbers, with the files of what they print, in the folder.
    """
    group = dict(WORLD_SIZE=str(count), MASTER_PORT=free_port(), MASTER_ADDR='127.0.0.1')

    def of_rank(rank: int) -> None:
        warnings.simplefilter('ignore')
        if count > 1:
            os.environ |= dict(group, RANK=str(rank), LOCAL_RANK=str(rank))
            torch.distributed.init_process_group('gloo')
        work(rank)
        if count > 1:
            torch.distributed.destroy_process_group()

    folder.mkdir(parents=True, exist_ok=True)
    logs = [folder / f'log{rank}' for rank in range(count)]
    return {forks.start(lambda rank=rank: of_rank(rank), log): log for rank, log in enumerate(logs)}


def finish(running: dict[int, Path]) -> None:
    """Waits for all; each must have ended well."""
    ended = {log: forks.end_of(process) for process, log in running.items()}
    for log, status in ended.items():
        assert status == 0, log.read_text()[-3000:]
