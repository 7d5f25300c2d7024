"""Shared forward and random numbers of the micro-batches of an iteration."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from reidgen.models import AdversarialModel
from reidgen.models.layers.batch_norm import untracked_statistics
from reidgen.models.phases import Phase
from reidgen.rng import seed_of


class MicroBatches:
    """Micro-batches of an iteration with their shared forwards and random numbers.

    Of a single batch the shared forward is computed once, one graph for all phases. Of n batches
    that would hold n graphs until the last phase, the memory that accumulation is to save. So each
    phase that needs a graph computes that of a micro-batch when its turn comes and drops it after
    the backward; what the forward made of a micro-batch is kept without a graph, for phases with
    `detached` and for memories. The forward is computed again with the same weights, as only
    networks outside it may have moved before, and with the same random numbers; running statistics
    of batch norm follow one of the evaluations.

    A model's random numbers of micro-batch 0 are those of the iteration; each other micro-batch
    has its own, and a phase goes on where the one before it stopped in that micro-batch.

    Args:
        model: in its stage.
        batches: preprocessed.
        due: phases of the iteration in order.
        iteration: of the whole training, from 0.
    """

    def __init__(
        self, model: AdversarialModel, batches: Sequence, due: Sequence[Phase], iteration: int
    ):
        self.model, self.batches = model, batches
        self._rng_states, self._starts = self._streams(iteration), {}
        # the shared forward of each; of several batches without its graph
        self.kept: list[Any] = [None] * len(batches)
        readers = [phase for phase in due if phase.forward is not None]
        self._shared = readers[0].forward if readers else None
        graphs = [phase for phase in readers if not phase.detached]
        self._last_graph = graphs[-1] if graphs else None
        if len(batches) == 1 and readers:
            self.kept = [self._forward(0, graph=bool(graphs), track=True)]
        elif len(graphs) < len(readers) and due[0] not in graphs:
            # before any phase moves a network
            self.kept = [self._forward(n, graph=False, track=not graphs) for n in range(self.num)]

    @property
    def num(self) -> int:
        return len(self.batches)

    def read(self, phase: Phase, number: int) -> Any:
        """Shared forward of a micro-batch for a phase; None where the phase shares none."""
        if phase.forward is None:
            return None
        if phase.detached or self.num == 1:
            return self.kept[number]
        x = self._forward(number, graph=True, track=phase is self._last_graph)
        if self.kept[number] is None:
            self.kept[number] = without_graph(x)
        return x

    @contextmanager
    def random_numbers(self, number: int) -> Iterator[None]:
        """Context with the model's random numbers of this micro-batch."""
        generator = self.model.rng.generator
        generator.set_state(self._rng_states[number])
        yield
        self._rng_states[number] = generator.get_state()

    def _streams(self, iteration: int) -> list[Tensor]:
        rng, states = self.model.rng, []
        rng.begin(iteration)
        for number in range(self.num):
            if number:
                rng.generator.manual_seed(seed_of(rng.seed, iteration, number))
            states.append(rng.generator.get_state())
        return states

    def _forward(self, number: int, graph: bool, track: bool) -> Any:
        """Shared forward of a micro-batch, recomputed with the same random numbers.

        Args:
            graph: for gradients.
            track: batch norm updates its running statistics.
        """
        model = self.model
        model.train_only(model.network_names)
        with (
            self._repeatable(number),
            nullcontext() if track else untracked_statistics(model),
            torch.set_grad_enabled(graph),
            model.autocast(),
        ):
            return self._shared(self.batches[number])

    @contextmanager
    def _repeatable(self, number: int) -> Iterator[None]:
        """Context that repeats the random numbers of the first forward, dropout included."""
        cuda = self.model.data_preprocessor.device.type == 'cuda'
        if number not in self._starts:
            torch_states = torch.get_rng_state(), torch.cuda.get_rng_state() if cuda else None
            self._starts[number] = self._rng_states[number], *torch_states
            with self.random_numbers(number):
                yield
            return
        rng_state, cpu_state, cuda_state = self._starts[number]
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if cuda else []):
            torch.set_rng_state(cpu_state)
            if cuda:
                torch.cuda.set_rng_state(cuda_state)
            self.model.rng.generator.set_state(rng_state)
            yield


def without_graph(value: Any) -> Any:
    """Copy of nested tuples, lists and dicts with all tensors detached."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, dict):
        return {key: without_graph(part) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, '_fields'):
        return type(value)(*map(without_graph, value))
    return type(value)(map(without_graph, value)) if isinstance(value, tuple | list) else value


def mean_logs(logs: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Mean of each logged value over the micro-batches that have it."""
    if len(logs) == 1:
        return logs[0]
    keys = dict.fromkeys(key for log in logs for key in log)
    values = {key: [log[key].float() for log in logs if key in log] for key in keys}
    return {key: torch.stack(found).mean(0) for key, found in values.items()}
