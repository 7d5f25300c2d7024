"""Images a second of a training iteration on 1, 2, ... processes, and their efficiency.

    python tools/benchmarks/scaling.py configs/gcl_smoke.py --processes 1 2 --json scaling.json
    python tools/benchmarks/scaling.py configs/gcl_market2duke.py --device cuda --processes 1 2 4 8

Weak scaling keeps the batch of a process, strong scaling that of all together. Efficiency is images
a second over those of one process, divided by the number of processes. The iteration is a whole one
on random images: translation, discriminators, generators, gradients averaged over the processes,
optimizers, memory, batch-norm statistics averaged. Each process has one thread and joins the others
as `torchrun` would have it: over gloo on a CPU, over NCCL with one GPU a process. Sizes take turns,
and the fastest round counts; 'again' is one process a second time.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ[name] = '1'
sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import torch  # noqa: E402
from random_step import RandomStep  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='of a model of two domains')
    parser.add_argument('--stage', default='joint', help='name of a stage of the config')
    parser.add_argument('--processes', type=int, nargs='+', default=[1, 2])
    parser.add_argument(
        '--batch-size', type=int, default=8, help='images a domain: of a process, and of all'
    )
    parser.add_argument('--iters', type=int, default=5, help='timed iterations, after one untimed')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--json', help='write the numbers to this file')
    parser.add_argument('--run', type=int, metavar='BATCH', help=argparse.SUPPRESS)  # in a process
    args = parser.parse_args()
    if args.run is None:
        check(parser, args)
    return args


def check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    args.processes = sorted({1, *args.processes})
    if args.processes[0] < 1:
        parser.error(f'--processes {args.processes[0]}: give numbers from 1')
    for count in args.processes:
        if args.batch_size % count or args.batch_size < 2 * count:
            parser.error(
                f'--batch-size {args.batch_size} in {count} processes must leave each the same '
                f'number of images, at least 2; give a multiple of {count} from {2 * count}'
            )
    devices = torch.cuda.device_count() if args.device == 'cuda' else os.cpu_count()
    if args.processes[-1] > devices:
        parser.error(f'--processes {args.processes[-1]}: this machine has {devices} {args.device}')


def join(device: str) -> None:
    from reidgen.engine.ddp import join_over_gloo

    if device == 'cuda':
        torch.cuda.set_device(int(os.environ['LOCAL_RANK']))
        torch.distributed.init_process_group('nccl')
    else:
        join_over_gloo(timedelta(minutes=5))


def run(args: argparse.Namespace) -> float:
    """Seconds of an iteration, the mean over the timed ones, of one process of the group."""
    from reidgen.engine.ddp import SepDDP, leaves_parameters_unused

    torch.set_num_threads(1)
    join(args.device)
    step = RandomStep(args.config, args.stage, args.device)
    SepDDP(
        step.model,
        find_unused_parameters=leaves_parameters_unused(step.model, [step.stage]),
        device_ids=[int(os.environ['LOCAL_RANK'])],
    )
    step.enter()
    batch = step.batch(args.run)
    step(batch)
    torch.distributed.barrier()
    start = time.perf_counter()
    for _ in range(args.iters):
        step(batch)
    torch.distributed.barrier()
    seconds = (time.perf_counter() - start) / args.iters
    torch.distributed.destroy_process_group()
    return seconds


def measure(args: argparse.Namespace, count: int, batch_size: int) -> float:
    """Seconds of an iteration on a group of processes."""
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port = found.getsockname()[1]
    group = dict(WORLD_SIZE=str(count), MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    command = [sys.executable, __file__, args.config, '--run', str(batch_size)]
    command += ['--stage', args.stage, '--iters', str(args.iters), '--device', args.device]
    running = [
        subprocess.Popen(
            command,
            env=os.environ | group | dict(RANK=str(rank), LOCAL_RANK=str(rank)),
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    try:
        printed = [process.communicate(timeout=600)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    if any(process.returncode for process in running):
        raise SystemExit(f'{count} processes of {batch_size} images ended with an error, see above')
    return max(float(text.splitlines()[-1]) for text in printed)


def rows(args: argparse.Namespace) -> list[dict]:
    """Rows by kind and number of processes; seconds are those of the fastest round."""
    planned = [('again', 1, args.batch_size)]
    for count in args.processes:
        planned.append(('weak', count, args.batch_size))
        if count > 1:
            planned.append(('strong', count, args.batch_size // count))
    seconds: dict[tuple, list[float]] = {plan: [] for plan in planned}
    for _ in range(args.rounds):
        for plan in planned:
            seconds[plan].append(measure(args, *plan[1:]))
    one = args.batch_size / min(seconds['weak', 1, args.batch_size])
    found = []
    for (kind, count, batch_size), each in seconds.items():
        rate = count * batch_size / min(each)
        found.append(
            dict(
                kind=kind,
                processes=count,
                batch_size_of_a_process=batch_size,
                seconds=each,
                images_per_second=2 * rate,  # of both domains
                efficiency=rate / (count * one),
            )
        )
    return found


def main() -> None:
    args = parse_args()
    if args.run is not None:
        print(run(args))
        return
    found = rows(args)
    print(f'{"":8}{"processes":>10}{"batch":>10}{"s":>10}{"images/s":>10}{"efficiency":>12}')
    for row in found:
        print(
            f'{row["kind"]:8}{row["processes"]:10}'
            f'{"{0} + {0}".format(row["batch_size_of_a_process"]):>10}'
            f'{min(row["seconds"]):10.3f}{row["images_per_second"]:10.1f}{row["efficiency"]:12.2f}'
        )
    if args.json:
        numbers = dict(config=args.config, stage=args.stage, device=args.device, rows=found)
        Path(args.json).write_text(json.dumps(numbers, indent=1))


if __name__ == '__main__':
    main()
