"""Progress bars."""

from collections.abc import Iterable, Iterator

from mmengine.dist import is_main_process
from tqdm import tqdm

from .heartbeat import HEARTBEAT


def progress(loader: Iterable, what: str) -> Iterator:
    """Loader in a progress bar with ETA, on the main process's terminal only; each batch is a mark
    for the watchdog.
    """
    for batch in tqdm(loader, what, leave=False, disable=None if is_main_process() else True):
        HEARTBEAT.beat(what, long=True)
        yield batch
