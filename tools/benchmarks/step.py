"""Time and memory of a training iteration of a config's model, on random images.

    python tools/benchmarks/step.py configs/gcl_market2duke.py --batch-size 4 --stage joint

The model is the config's at full size without pretrained weights; nothing is read from disk. Each
iteration is a whole one: translation, discriminators with their penalty, generators, optimizers,
memory.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections import namedtuple
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import torch  # noqa: E402

from reidgen.command_line import KeyValueAction  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    parser.add_argument('--stage', default='joint', help='name of a stage of the config')
    parser.add_argument('--batch-size', type=int, default=16, help='images a domain')
    parser.add_argument('--iters', type=int, default=5, help='timed iterations, after one untimed')
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={})
    parser.add_argument('--json', help='write the numbers to this file')
    return parser.parse_args()


def build(cfg, device: str):
    """Model and optimizer groups of a config, with filled feature banks."""
    from reidgen.engine.config import drop_pretrained
    from reidgen.engine.optim import OptimizerPerGroup
    from reidgen.registry import MODELS, build

    drop_pretrained(cfg)
    model = build(cfg.model, MODELS).to(device)
    groups = {name: group for name, group in cfg.optim_wrapper.items() if name != 'constructor'}
    bank = model.bank
    bank.fill(torch.randn(bank.num_samples, bank.dim), torch.arange(bank.num_samples) // 16)
    return model, OptimizerPerGroup(groups)(model)


def random_domain(batch_size: int, size: tuple[int, int], channels: int, device: str):
    """DomainBatch of noise."""
    from reidgen.structures import DomainBatch

    img = torch.randn(batch_size, 3, *size, device=device)
    pose_map = torch.rand(batch_size, channels, *size, device=device) * 2 - 1
    rows = torch.arange(batch_size, device=device)
    return DomainBatch(img, pose_map, pose_map, rows, rows, rows)


def measure(args: argparse.Namespace) -> dict:
    """Measurements by name."""
    from reidgen.engine.config import load_config
    from reidgen.engine.stages import parse_stages
    from reidgen.engine.step import run_phases

    cfg = load_config(args.config, args.cfg_options)
    torch.manual_seed(0)
    model, optim = build(cfg, args.device)
    model.amp = args.amp
    stages = {stage.name: stage for stage in parse_stages(cfg.train_cfg.stages)}
    stage = stages[args.stage]
    model.enter_stage(stage.name, stage.phases, stage.frozen, stage.loss_weights)
    model.train()
    transforms = cfg.train_dataloader.source.dataset.transforms
    size = next(tuple(transform['size']) for transform in transforms if 'size' in transform)
    batch = namedtuple('Batch', 'source target')(
        *(random_domain(args.batch_size, size, model.map_channels, args.device) for _ in range(2))
    )
    seconds = []
    for number in range(args.iters + 1):
        start = time.perf_counter()
        run_phases(model, batch, optim, number, number)
        if args.device == 'cuda':
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    timed = sorted(seconds[1:])
    memory = (
        torch.cuda.max_memory_allocated() / 2**30
        if args.device == 'cuda'
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    )
    on_gpu = args.device == 'cuda'
    device = torch.cuda.get_device_name() if on_gpu else f'{os.cpu_count()} CPU cores'
    return dict(
        config=args.config,
        stage=args.stage,
        batch=f'{args.batch_size} + {args.batch_size}',
        size=list(size),
        amp=args.amp,
        device=device,
        torch=torch.__version__,
        seconds_median=timed[len(timed) // 2],
        seconds_min=timed[0],
        seconds_max=timed[-1],
        peak_memory_gib=memory,
    )


def main() -> None:
    args = parse_args()
    numbers = measure(args)
    print(json.dumps(numbers, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(numbers, indent=1))


if __name__ == '__main__':
    main()
