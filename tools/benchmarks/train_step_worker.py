"""Worker of train_step.py: iterations of one tree's reidgen, or of an adapter, in a process.

    python tools/benchmarks/train_step_worker.py '{"config": ...}'      # with reidgen on the path

Answers each line of the standard input, `step` or `networks`, by a line of JSON.
"""

import json
import runpy
import sys
import time
from argparse import Namespace
from collections import Counter, namedtuple
from contextlib import nullcontext
from itertools import pairwise
from typing import NamedTuple

import torch


class Bench:
    """Model of a config in a stage, whose iterations are timed.

    Attributes:
        step: runs the next iteration.
        marks: (phase that begins, seconds) of the iteration; filled by the engine's heartbeat.
    """

    def __init__(self, args: Namespace):
        from reidgen.engine.config import drop_pretrained, load_config
        from reidgen.engine.heartbeat import HEARTBEAT
        from reidgen.engine.optim import OptimizerPerGroup
        from reidgen.engine.stages import parse_stages
        from reidgen.registry import MODELS, build

        cfg = load_config(args.config, args.cfg_options)
        drop_pretrained(cfg)
        torch.manual_seed(0)
        self.args, self.number, self.marks = args, 0, []
        self.model = build(cfg.model, MODELS).to(args.device)
        groups = {name: group for name, group in cfg.optim_wrapper.items() if name != 'constructor'}
        self.optim = OptimizerPerGroup(groups)(self.model)
        stages = {stage.name: stage for stage in parse_stages(cfg.train_cfg.stages)}
        if args.stage not in stages:
            raise SystemExit(f'--stage is {args.stage}; {args.config} has {", ".join(stages)}')
        stage = stages[args.stage]
        self.model.amp = args.amp
        self.model.enter_stage(stage.name, stage.phases, stage.frozen, stage.loss_weights)
        self.model.train()
        for name in self.model.active_banks():
            bank = getattr(self.model, name)
            bank.fill(torch.randn(bank.num_samples, bank.dim), torch.arange(bank.num_samples) // 16)
        self.size = image_size(cfg)
        fields = sorted({field for phase in self.model.stage_phases for field in phase.reads})
        self.batch = namedtuple('Batch', fields)(*(self._domain() for _ in fields))
        HEARTBEAT.beat = lambda what, *_: self.marks.append((what, self._now()))

    def step(self) -> None:
        from reidgen.engine.step import run_phases

        run_phases(self.model, self.batch, self.optim, self.number, self.number)
        self.number += 1

    def timed(self) -> dict:
        """Seconds of an iteration, and of its shared forward and each phase."""
        self.marks.clear()
        start = self._now()
        self.step()
        bounds = [('forward', start), *self.marks, ('', self._now())]
        phases = {
            what.removeprefix('phase '): after - at for (what, at), (_, after) in pairwise(bounds)
        }
        return dict(seconds=bounds[-1][1] - start, phases=phases)

    def _now(self) -> float:
        if self.args.device == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter()

    def _domain(self):
        from reidgen.structures import DomainBatch

        number, device = self.args.batch_size, self.args.device
        img = torch.randn(number, 3, *self.size, device=device)
        channels = getattr(self.model, 'map_channels', 1)
        pose_map = torch.rand(number, channels, *self.size, device=device) * 2 - 1
        rows = torch.arange(number, device=device)
        return DomainBatch(img, pose_map, pose_map, rows, rows // 2, rows)

    # ---- networks ----

    def networks(self) -> dict:
        """Calls of each network in an iteration, its FLOPs, and the seconds of each call alone."""
        from torch.utils.flop_counter import FlopCounterMode

        calls: list[tuple] = []
        hooks = [
            getattr(self.model, name).register_forward_pre_hook(
                lambda net, inputs, name=name: calls.append((name, *signature(net, inputs)))
            )
            for name in self.model.network_names
        ]
        counter = FlopCounterMode(display=False)
        counter.mod_tracker = Untracked()  # its own does not know `autograd.grad` of a leaf
        with counter:
            self.step()
        for hook in hooks:
            hook.remove()
        alone = {}
        for call in set(calls):
            alone[call] = min(self._alone(*call) for _ in range(3))
        counts = Counter(name for name, *_ in calls)
        return dict(
            gflop=counter.get_total_flops() / 1e9,
            calls=dict(sorted(counts.items())),
            seconds_alone={
                name: sum(alone[call] for call in calls if call[0] == name)
                for name in sorted(counts)
            },
        )

    def _alone(self, name: str, trained: bool, graph: bool, inputs: tuple) -> float:
        """Seconds of a call: forward, backward, and where the images are a leaf with a gradient,
        as in a penalty, the derivative of that gradient."""
        network = getattr(self.model, name).requires_grad_(trained)
        penalised: list[torch.Tensor] = []
        given = [made(each, self.args.device, penalised) for each in inputs]
        with torch.set_grad_enabled(graph), derivative_of_images(bool(penalised)):
            start = self._now()
            loss = sum(out.float().square().mean() for out in tensors(network(*given)))
            if penalised:
                gradients = torch.autograd.grad(loss, penalised, create_graph=True)
        if penalised:
            loss = sum(gradient.square().sum() for gradient in gradients)
        if loss.requires_grad:
            loss.backward()
        seconds = self._now() - start
        network.zero_grad()
        return seconds


class Untracked(nullcontext):
    """Modules of a FlopCounterMode: all in one."""

    parents = frozenset({'Global'})


def derivative_of_images(penalised: bool):
    """Context of a penalty's first derivative; nothing in checkouts that have none."""
    try:
        from reidgen.gradients import image_gradients
    except ImportError:
        return nullcontext()
    return image_gradients() if penalised else nullcontext()


def signature(network: torch.nn.Module, inputs: tuple) -> tuple:
    """Whether a call's weights have gradients, whether it has a graph, and its tensors: shape and
    'constant', 'leaf' or 'inner' node of the graph."""
    trained = any(parameter.requires_grad for parameter in network.parameters())
    return trained, torch.is_grad_enabled(), tuple(map(described, inputs))


class Described(NamedTuple):
    """A tensor that a network is given."""

    shape: tuple[int, ...]
    kind: str
    dtype: torch.dtype


def described(value: torch.Tensor | tuple) -> Described | tuple:
    """Hashable description of an input: a tensor, or a (named) tuple of inputs with its type."""
    if isinstance(value, tuple):
        return type(value), tuple(map(described, value))
    kind = 'constant' if not value.requires_grad else 'leaf' if value.is_leaf else 'inner'
    return Described(tuple(value.shape), kind, value.dtype)


def made(what: Described | tuple, device: str, penalised: list[torch.Tensor]):
    """Random input of a description; leaves with a gradient are appended to `penalised`."""
    if not isinstance(what, Described):
        parts = [made(part, device, penalised) for part in what[1]]
        return what[0](*parts) if hasattr(what[0], '_fields') else tuple(parts)
    if not what.dtype.is_floating_point:  # such as the camera of a style
        return torch.zeros(what.shape, dtype=what.dtype, device=device)
    x = torch.randn(what.shape, device=device, dtype=what.dtype)
    x.requires_grad_(what.kind != 'constant')
    if what.kind == 'leaf':
        penalised.append(x)
    return x


def tensors(value) -> list[torch.Tensor]:
    """Tensors with a graph in what a network returns."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [x for part in value for x in tensors(part)]


def image_size(cfg) -> tuple[int, int]:
    """(height, width) that a training loader of the config resizes to."""
    for name, loader in cfg.train_dataloader.items():
        for transform in loader.dataset.get('transforms', ()) if name != 'type' else ():
            if 'size' in transform:
                return tuple(transform['size'])
    raise SystemExit('no training loader of the config has a transform with a size')


def peak_gflops(device: str) -> float:
    """GFLOP/s of the fastest of some 3 x 3 convolutions, forward."""
    best = 0.0
    for channels, height, width in ((64, 64, 32), (128, 64, 32), (256, 32, 16), (512, 16, 8)):
        x = torch.randn(16, channels, height, width, device=device)
        x = x.contiguous(memory_format=torch.channels_last)
        weight = torch.randn(channels, channels, 3, 3, device=device)
        weight = weight.contiguous(memory_format=torch.channels_last)
        for _ in range(4):
            start = time.perf_counter()
            torch.conv2d(x, weight, padding=1)
            if device == 'cuda':
                torch.cuda.synchronize()
            gflop = 2 * x.numel() * channels * 9 / 1e9
            best = max(best, gflop / (time.perf_counter() - start))
    return best


def work(args: Namespace) -> None:
    """Answers requests until the standard input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    if args.adapter:
        bench = None
        step = runpy.run_path(str(args.adapter))['make_step'](args.batch_size, args.device)
    else:
        bench = Bench(args)
    for line in sys.stdin:
        if line.strip() == 'networks':
            found = bench.networks() | dict(peak_gflops=peak_gflops(args.device))
            found['size'] = bench.size
        elif bench:
            found = bench.timed()
        else:
            start = time.perf_counter()
            step()
            found = dict(seconds=time.perf_counter() - start)
        print(json.dumps(found), file=answers, flush=True)


if __name__ == '__main__':
    work(Namespace(**json.loads(sys.argv[1])))
