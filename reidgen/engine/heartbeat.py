"""Progress marks of a process, which the watchdog compares with the clock."""

import time
from dataclasses import dataclass, field


@dataclass
class Heartbeat:
    """Latest sign of progress of this process.

    Attributes:
        place: what is going on: 'phase G', 'evaluation'.
        iteration: of the training, iterations done.
        long: what may take long without a further sign: an evaluation, a clustering.
        at: seconds of a monotonic clock.
    """

    place: str = 'start'
    iteration: int = 0
    long: bool = True
    at: float = field(default_factory=time.monotonic)

    def beat(self, place: str, iteration: int | None = None, long: bool = False) -> None:
        """Marks progress; without an iteration the latest one stays."""
        # first: a watchdog must not see the limit of this mark beside the time of the one before
        self.at = time.monotonic()
        self.place, self.long = place, long
        if iteration is not None:
            self.iteration = iteration

    @property
    def silence(self) -> float:
        """Seconds since the latest mark."""
        return time.monotonic() - self.at


HEARTBEAT = Heartbeat()  # of this process
