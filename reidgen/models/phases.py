"""Phases of an iteration, and the memories that they use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor


class MemoryUse(NamedTuple):
    """A feature bank that a phase reads, and what it writes there after the last backward pass."""

    bank: str  # attribute of the model
    field: str  # of the batch, whose images the bank has a row for
    family: str  # loss family that reads it: with weight 0 the bank is neither filled nor written
    embedding: Callable[[Any], Tensor]  # what the phase's forward gave -> (B, D)


@dataclass(frozen=True)
class Phase:
    """One backward pass, the networks that it moves and the methods that it calls."""

    name: str  # 'D', 'G': the prefix of its log keys
    trains: tuple[str, ...]  # networks that move; all others are frozen meanwhile
    losses: Callable[[Any, Any], dict[str, Tensor]]  # (batch, x) -> {'family.detail': 0-d tensor}
    forward: Callable[[Any], Any] | None = None  # batch -> x, once an iteration for all phases
    reads: tuple[str, ...] = ()  # fields of the batch that a stage must draw for it
    every: int = 1  # n: the last of every n iterations of the stage
    detached: bool = False  # its losses detach x: where only such phases are due, x has no graph
    memory: tuple[MemoryUse, ...] = ()
