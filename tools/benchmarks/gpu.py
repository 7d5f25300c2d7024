"""What this project does on one GPU: tests, training steps, retrieval, loading. About 8 minutes.

    python tools/benchmarks/gpu.py --json gpu.json
    python tools/benchmarks/gpu.py --device cpu --json cpu.json     # does the script run?

1. peak: matrix product and 3 x 3 convolution in fp32, TF32 and bf16.
2. tests: `pytest -m gpu`, each kernel path on the GPU beside the CPU.
3. steps: the main job's joint step in fp32, TF32, bf16, and bf16 compiled, by batch size until
   memory ends; images a second of both domains, peak memory, share of the peak in that precision
   (FLOPs as counted by torch.utils.flop_counter).
4. retrieval: evaluation, re-ranking, Jaccard distances and DBSCAN at the size of Market-1501.
5. loader: JPEGs decoded and resized, by worker processes.

Each group runs in a process of its own with its own time limit, and each row is written to --json
as it comes: one that fails or runs out of memory is a row with an `error`, and the next goes on.
--device cpu implies --small: the smoke model, small sizes, no slow tests, about a minute.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GROUPS = {  # seconds each may take
    'peak': 25,
    'tests': 120,
    'fp32': 50,
    'tf32': 50,
    'bf16': 50,
    'compiled': 90,
    'retrieval': 60,
    'loader': 30,
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda')
    parser.add_argument('--small', action='store_true', help='small sizes: does it run?')
    parser.add_argument('--groups', nargs='+', choices=GROUPS, default=list(GROUPS))
    parser.add_argument('--json', default='gpu.json', help='written row by row')
    parser.add_argument('--run', choices=GROUPS, help=argparse.SUPPRESS)  # in a process of its own
    args = parser.parse_args()
    args.small |= args.device == 'cpu'
    return args


def hardware(device: str) -> dict:
    """What the rows were measured on."""
    import torch

    if device == 'cuda' and not torch.cuda.is_available():
        raise SystemExit('no CUDA device here; --device cpu tries the script at small sizes')
    found = dict(torch=torch.__version__, cores=os.cpu_count(), device='CPU')
    if device == 'cuda':
        card = torch.cuda.get_device_properties(0)
        memory = round(card.total_memory / 2**30, 1)
        found |= dict(device=card.name, memory_gib=memory, cuda=torch.version.cuda)
    return found


class Report:
    """Rows in a JSON file, whole after each of them."""

    def __init__(self, path: str, about: dict):
        self.path, self.content = Path(path), dict(about, rows=[])
        self.write()

    def write(self) -> None:
        part = self.path.with_name(self.path.name + '.part')
        part.write_text(json.dumps(self.content, indent=1))
        os.replace(part, self.path)

    def add(self, group: str, row: dict) -> None:
        row = dict(group=group, **row)
        peaks = [
            each['tflops']
            for each in self.content['rows']
            if each['group'] == 'peak' and each.get('precision') == row.get('precision')
        ]
        if 'step_tflops' in row and peaks:
            row['share_of_peak'] = row['step_tflops'] / max(peaks)
        self.content['rows'].append(row)
        self.write()
        print(shown(row), flush=True)


def shown(row: dict) -> str:
    """A row as a line of the table."""
    name = f'{row["group"]:10}{row["name"]:30}'
    if 'error' in row:
        return f'{name}{row["error"]}'
    values = [
        f'{key} {number(value)}' for key, value in row.items() if key not in ('group', 'name')
    ]
    return name + ', '.join(values)


def number(value) -> str:
    return f'{value:.4g}' if isinstance(value, float) else str(value)


def run_group(group: str, args: argparse.Namespace, report: Report) -> None:
    """Rows of a group, from a process that may fail or take too long."""
    command = [sys.executable, __file__, '--run', group, '--device', args.device]
    command += ['--small'] if args.small else []
    env = dict(os.environ)
    env['PYTHONPATH'] = os.pathsep.join(filter(None, [str(ROOT), env.get('PYTHONPATH')]))
    if args.device == 'cpu':
        env['OMP_NUM_THREADS'] = '1'
    errors: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=env,
    ) as process:
        limit = GROUPS[group] * (1 if args.device == 'cuda' else 5)  # a CPU may be busy
        late = threading.Timer(limit, process.kill)
        late.start()
        reader = threading.Thread(target=lambda: errors.extend(process.stderr))
        reader.start()
        for line in process.stdout:
            if line.startswith('ROW '):
                report.add(group, json.loads(line[4:]))
        process.wait()
        reader.join()
        over = not late.is_alive()
        late.cancel()
    if over and process.returncode:
        report.add(group, dict(name='rest', error=f'ended after {limit} s'))
    elif process.returncode:
        last = next((line.strip() for line in reversed(errors) if line.strip()), '')
        row = dict(name='rest', error=f'exit status {process.returncode}: {last}')
        report.add(group, dict(row, log=''.join(errors)[-4000:]))


def main() -> None:
    args = parse_args()
    if args.run:
        import gpu_rows

        for row in gpu_rows.rows(args.run, args.device, args.small, 0.8 * GROUPS[args.run]):
            print('ROW ' + json.dumps(row), flush=True)
        return
    about = dict(hardware(args.device), small=args.small)
    report, start = Report(args.json, about), time.perf_counter()
    for group in args.groups:
        run_group(group, args, report)
    report.content['seconds'] = time.perf_counter() - start
    report.write()
    print(f'\n{about["device"]}, torch {about["torch"]}, {report.content["seconds"]:.0f} s')
    for row in report.content['rows']:
        print(shown(row))
    failed = [row for row in report.content['rows'] if 'error' in row]
    expected = [row for row in failed if row['error'] == 'out of memory']
    print(f'written to {args.json}; {len(failed) - len(expected)} rows failed')
    sys.exit(len(failed) > len(expected))


if __name__ == '__main__':
    main()
