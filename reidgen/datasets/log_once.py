"""Log lines written once a run, however many loaders share their subject."""

import logging
from weakref import WeakKeyDictionary

from mmengine.logging import MMLogger

_told: WeakKeyDictionary[logging.Logger, set[tuple[int, str]]] = WeakKeyDictionary()


def log_once(message: str, level: int = logging.INFO) -> None:
    """Logs a message unless the current logger, which is that of the run, has had it before."""
    logger = MMLogger.get_current_instance()
    told = _told.setdefault(logger, set())
    if (level, message) not in told:
        told.add((level, message))
        logger.log(level, message)
