"""Cases in a process of their own, which is ended where one hangs or crashes."""

import multiprocessing
import resource
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from .case import Case
from .judge import HANG, UNNAMED, Outcome, outcome_of

LIMIT_S = 20.0  # of a case
MEMORY = 16 << 30  # bytes of address space; torch alone reserves some


def outcomes(cases: Sequence[Case], folder: Path, limit_s: float = LIMIT_S) -> Iterator[Outcome]:
    """Outcomes of cases in order.

    Args:
        folder: for the inputs; each is removed once it is judged.
        limit_s: seconds after which a case counts as hanging.

    Raises:
        RuntimeError: an undamaged input could not be read.
    """
    # forked: torch is imported once
    context = multiprocessing.get_context('fork')
    done = 0
    while done < len(cases):
        ours, theirs = context.Pipe()
        worker = context.Process(target=_work, args=(cases[done:], folder, theirs), daemon=True)
        worker.start()
        theirs.close()
        for outcome in _received(ours, len(cases) - done, limit_s):
            done += 1
            yield outcome
        worker.kill()
        worker.join()


def _received(connection: Connection, count: int, limit_s: float) -> Iterator[Outcome]:
    for _ in range(count):
        # the first has the undamaged input to read, too, and all share the machine
        if not connection.poll(limit_s):
            yield Outcome(HANG, f'no answer within {limit_s} s')
            return
        try:
            answer = connection.recv()
        except EOFError:
            yield Outcome(UNNAMED, 'the process ended')
            return
        if isinstance(answer, str):
            raise RuntimeError(answer)
        yield answer


def _work(cases: Sequence[Case], folder: Path, connection: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    undamaged: dict = {}
    for case in cases:
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
            try:
                answer = outcome_of(case, Path(place), undamaged)
            except Exception:
                answer = f'{case.world}, {case.name}: {traceback.format_exc()}'
        connection.send(answer)
