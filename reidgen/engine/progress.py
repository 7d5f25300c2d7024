"""Progress bars."""

from mmengine.dist import is_main_process
from tqdm import tqdm


def progress(loader, what: str):
    """Loader wrapped in a progress bar with ETA, on the main process's terminal only."""
    return tqdm(loader, what, leave=False, disable=None if is_main_process() else True)
