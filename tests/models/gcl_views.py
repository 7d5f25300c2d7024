"""Views of a GCL made without networks, and gradients of a term with respect to them."""

from collections import namedtuple

import torch

from reidgen.models.gcl import Views
from reidgen.structures import Code

Batch = namedtuple('Batch', ['target'])


def free_views(requires_grad: bool = True) -> Views:
    """Views of three images, each tensor a leaf of its own."""
    rng = torch.Generator().manual_seed(3)

    def leaf(*shape):
        return torch.randn(*shape, generator=rng).requires_grad_(requires_grad)

    def code():
        return Code(leaf(3, 32), leaf(3, 8), leaf(3, 8))

    def image():
        return leaf(3, 3, 32, 16)

    return Views(code(), image(), image(), code(), code(), image(), code())


def slopes(term, leaves: dict) -> dict:
    """Leaf -> gradient of the term, of those that it depends on."""
    found = torch.autograd.grad(term, list(leaves.values()), retain_graph=True, allow_unused=True)
    return {name: slope for name, slope in zip(leaves, found) if slope is not None}
