"""Time of a training iteration of a config's model on random images, by phase and network.

    python tools/benchmarks/train_step.py configs/gcl_market2duke.py --batch-size 4 --stage joint
    python tools/benchmarks/train_step.py ... --baseline ../reidgen-before
    python tools/benchmarks/train_step.py ... --baseline ../peer --adapter peer_step.py

The model is the config's at full size without pretrained weights; nothing is read from disk. Each
iteration is a whole one: translation, discriminators with their penalty, generators, optimizers,
memory. Beside it, FLOPs, the share of the fastest convolution's FLOP/s, and the sum of what each
call of a network takes alone, forward and backward.

A baseline is another checkout of reidgen, which runs its own config of that name, or any code with
an adapter, a file with `make_step(batch_size, device) -> step()`. Its iterations take turns with
ours in one run, each in a process; `a_a` is the ratio of our odd to our even iterations.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

import torch  # noqa: E402

from reidgen.command_line import KeyValueAction  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    parser.add_argument('--stage', default='joint', help='name of a stage of the config')
    parser.add_argument('--batch-size', type=int, default=16, help='images of each field')
    parser.add_argument('--iters', type=int, default=6, help='timed iterations, after one untimed')
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={})
    parser.add_argument('--baseline', type=Path, help='checkout to compare with')
    parser.add_argument('--adapter', type=Path, help='of a baseline that is not reidgen')
    parser.add_argument('--json', help='write the numbers to this file')
    args = parser.parse_args()
    if args.iters < 2:
        parser.error(f'--iters is {args.iters}; give 2 or more, for odd and even ones')
    if args.adapter and not args.baseline:
        parser.error('--adapter is that of a --baseline; name its checkout too')
    return args


class Worker:
    """Process that runs iterations of the reidgen of a folder, or of an adapter in it."""

    def __init__(self, folder: Path, args: argparse.Namespace, adapter: Path | None = None):
        given = vars(args) | dict(adapter=adapter and str(adapter), baseline=None)
        script = Path(__file__).with_name('train_step_worker.py')
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(given)],
            cwd=folder,
            env=os.environ | dict(PYTHONPATH=str(folder)),
            **pipes,
        )

    def ask(self, what: str) -> dict:
        """What the process answers."""
        self.process.stdin.write(what + '\n')
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f'{" ".join(self.process.args)} ended; its message is above')
        return json.loads(line)


def measure(args: argparse.Namespace) -> dict:
    """Measurements by name."""
    workers = dict(ours=Worker(ROOT, args))
    if args.baseline:
        adapter = args.adapter.resolve() if args.adapter else None
        workers['baseline'] = Worker(args.baseline.resolve(), args, adapter)
    timed: dict[str, list[dict]] = {name: [] for name in workers}
    for number in range(args.iters + 1):
        for name, worker in workers.items():
            found = worker.ask('step')
            timed[name] += [found] if number else []
            print(
                f'{name}, iteration {number}: {found["seconds"]:.2f} s', file=sys.stderr, flush=True
            )
    seconds = {name: [one['seconds'] for one in found] for name, found in timed.items()}
    networks = workers['ours'].ask('networks')
    for worker in workers.values():
        worker.process.stdin.close()
        worker.process.wait()
    median = statistics.median(seconds['ours'])
    alone = sum(networks['seconds_alone'].values())
    numbers = dict(
        config=args.config,
        stage=args.stage,
        images_of_a_field=args.batch_size,
        amp=args.amp,
        device=torch.cuda.get_device_name() if args.device == 'cuda' else cpu_name(),
        torch=torch.__version__,
        seconds_median=median,
        seconds_min=min(seconds['ours']),
        seconds_max=max(seconds['ours']),
        seconds_of_phases={
            phase: statistics.median(one['phases'][phase] for one in timed['ours'])
            for phase in timed['ours'][0]['phases']
        },
        **networks,
        share_of_peak=networks['gflop'] / median / networks['peak_gflops'],
        iteration_over_networks=median / alone,
        a_a=statistics.median(seconds['ours'][::2]) / statistics.median(seconds['ours'][1::2]),
    )
    if args.baseline:
        pairs = [b / a for a, b in zip(seconds['ours'], seconds['baseline'])]
        numbers['baseline_seconds_median'] = statistics.median(seconds['baseline'])
        numbers['baseline_over_ours'] = statistics.median(pairs)
        numbers['baseline_over_ours_range'] = [min(pairs), max(pairs)]
    return numbers


def cpu_name() -> str:
    """Number of threads that torch uses, and the processor's name where Linux tells it."""
    lines = (
        Path('/proc/cpuinfo').read_text().splitlines() if os.path.exists('/proc/cpuinfo') else ()
    )
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return f'{torch.get_num_threads()} threads, {names[0] if names else "CPU"}'


def main() -> None:
    args = parse_args()
    numbers = measure(args)
    print(json.dumps(numbers, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(numbers, indent=1))


if __name__ == '__main__':
    main()
