"""Values that are computed from a tensor on its device and needed in Python."""

from collections.abc import Callable
from typing import Generic, TypeVar

from torch import Tensor

T = TypeVar('T')


class ReadOnce(Generic[T]):
    """Python value of a tensor, read anew only after the tensor was written or replaced.

    Reading from a GPU waits for all that was asked of it; labels change at clusterings alone, and
    what an iteration needs to know of them is the same in between.

    Args:
        read: from the tensor to the value.
    """

    def __init__(self, read: Callable[[Tensor], T]):
        self._read = read
        self._known: tuple[Tensor, int, T] | None = None

    def __call__(self, tensor: Tensor) -> T:
        """The value; `tensor` counts its writes in place, as all but inference tensors do."""
        if self._known is None or self._known[0] is not tensor or self._known[1] != tensor._version:
            self._known = tensor, tensor._version, self._read(tensor)
        return self._known[2]
