"""A model of four networks and memories, and state dicts of it."""

import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.linear, self.neck = nn.Linear(2, width), nn.BatchNorm1d(width)


class Classifier(nn.Module):
    def __init__(self, num_identities=5):
        super().__init__()
        self.num_identities = num_identities
        self.linear = nn.Linear(3, num_identities, bias=False)


class Bank(nn.Module):
    def __init__(self, num_samples=7):
        super().__init__()
        self.num_samples = num_samples
        self.register_buffer('features', torch.zeros(num_samples, 3))
        self.register_buffer('labels', torch.full((num_samples,), -1))
        self.register_buffer('filled', torch.tensor(False))


class Model(nn.Module):
    """As much of a model in networks as loading asks for: 7, 1, 2 and 3 tensors."""

    encoder_name, evaluated = 'E_c', ('E_c',)

    def __init__(self, width=3, num_identities=5, num_samples=7, generator=4):
        super().__init__()
        self.E_c, self.C = Encoder(width), Classifier(num_identities)
        self.G, self.bank = nn.Linear(3, generator), Bank(num_samples)


def saved(model=None) -> dict:
    """A state dict whose floats are all different from what is built."""
    state = (model or Model()).state_dict()
    return {key: value + 1 if value.is_floating_point() else value for key, value in state.items()}


def part(state: dict, name: str) -> dict:
    """The tensors of one network under the network's own names."""
    return {
        key.removeprefix(f'{name}.'): value for key, value in state.items() if key.startswith(name)
    }


def assert_taken(model: nn.Module, before: dict, state: dict, taken: set[str]) -> None:
    """These networks have the numbers of the file, all others those they were built with."""
    for key, value in model.state_dict().items():
        expected = state if key.partition('.')[0] in taken else before
        assert torch.equal(value, expected[key]), key


class Command:
    """Calls a function when a pickle of it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call
