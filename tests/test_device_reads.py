"""Values read from a device once."""

import copy

import torch

from reidgen.device_reads import ReadOnce


def counted() -> tuple[ReadOnce[int], list[int]]:
    reads: list[int] = []

    def read(tensor: torch.Tensor) -> int:
        reads.append(int(tensor.sum()))
        return reads[-1]

    return ReadOnce(read), reads


def test_a_tensor_is_read_again_only_after_it_was_written():
    value, reads = counted()
    tensor = torch.ones(3)
    assert [value(tensor), value(tensor), value(tensor)] == [3, 3, 3]
    tensor.fill_(2)
    assert [value(tensor), value(tensor)] == [6, 6]
    tensor[0] = 5
    assert value(tensor) == 9
    assert reads == [3, 6, 9]


def test_another_tensor_is_read_even_if_it_was_written_as_often():
    value, reads = counted()
    first, second = torch.ones(2), torch.zeros(2)
    assert first._version == second._version
    assert [value(first), value(second), value(first)] == [2, 0, 2]
    assert reads == [2, 0, 2]


def test_a_copy_reads_its_own():
    value, _ = counted()
    tensor = torch.ones(2)
    value(tensor)
    twin = copy.deepcopy(value)
    assert twin(torch.zeros(2)) == 0
    assert value(tensor) == 2
