"""Inputs of networks that the benchmark of a training step measures alone."""

import torch

from reidgen.models.encoders.structure import Structure
from tools.benchmarks.train_step_worker import described, made


def test_inputs_are_made_again_with_their_types_shapes_and_gradients():
    leaf = torch.rand(2, 3, 8, 4, requires_grad=True)
    structure = Structure(*(torch.rand(2, 4, 8, 4) for _ in range(3)), 2 * leaf)
    inputs = (structure, torch.rand(2, 16, dtype=torch.bfloat16), torch.tensor([1, 0]), leaf)
    what = tuple(map(described, inputs))
    assert len({what, tuple(map(described, inputs))}) == 1  # equal calls are measured once
    penalised: list[torch.Tensor] = []
    again = [made(each, 'cpu', penalised) for each in what]
    assert isinstance(again[0], Structure)
    assert [x.shape for x in again[0]] == [x.shape for x in structure]
    assert [x.requires_grad for x in again[0]] == [False, False, False, True]
    assert [x.dtype for x in again[1:]] == [x.dtype for x in inputs[1:]]
    assert [id(x) for x in penalised] == [id(again[3])]
    assert not torch.equal(again[3], leaf)
