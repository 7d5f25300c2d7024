"""First derivatives of images, for gradient penalties."""

from collections.abc import Iterator
from contextlib import contextmanager

_of_images = False  # a global: backward passes on a GPU have threads of their own


def of_images() -> bool:
    """Whether the derivative that is taken is of images alone, and is to be derived again."""
    return _of_images


@contextmanager
def image_gradients() -> Iterator[None]:
    """Context of a discriminator's evaluation and of the `autograd.grad` with respect to its
    images: torch does not tell an autograd function that gradients of weights are not asked for.
    """
    global _of_images
    _of_images = True
    try:
        yield
    finally:
        _of_images = False
