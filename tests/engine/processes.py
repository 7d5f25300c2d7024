"""Python processes that form one gloo group."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tiny_networks import environment


def free_port() -> str:
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return str(found.getsockname()[1])


def start(count: int, script: Path, argument: Callable[[int], str]) -> list[subprocess.Popen]:
    """Processes of a script; `argument` of a rank is its command line. One has no group."""
    port, running = free_port(), []
    for rank in range(count):
        group = dict(
            RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=count, MASTER_PORT=port, MASTER_ADDR='127.0.0.1'
        )
        env = {key: str(value) for key, value in group.items()} if count > 1 else {}
        running.append(
            subprocess.Popen(
                [sys.executable, script, argument(rank)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(**env),
            )
        )
    return running


def finish(running: list[subprocess.Popen]) -> None:
    errors = [process.communicate(timeout=400)[1] for process in running]
    assert not any(process.returncode for process in running), errors[0][-3000:]
