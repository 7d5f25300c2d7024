"""Groups of rows of gpu.py: each yields dictionaries with a `name`."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
STEPS = ('fp32', 'tf32', 'bf16', 'compiled')


def rows(group: str, device: str, small: bool, seconds: float) -> Iterator[dict]:
    """Rows of a group; those of steps stop before `seconds` are over."""
    if group in STEPS:
        yield from steps(group, device, small, time.perf_counter() + seconds)
        return
    yield from dict(peak=peak, tests=tests, retrieval=retrieval, loader=loader)[group](
        device, small
    )


def timed(work: Callable[[], object], device: str) -> float:
    """Seconds until the device has done the work."""
    if device == 'cuda':
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter() - start


def set_precision(precision: str) -> None:
    """Allows TF32 for 'tf32' alone."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == 'tf32'


# ---- peak ----


def peak(device: str, small: bool) -> Iterator[dict]:
    width, batch, channels = (256, 2, 32) if small else (8192, 64, 256)
    for precision in ('fp32', 'tf32', 'bf16'):
        set_precision(precision)
        dtype = torch.bfloat16 if precision == 'bf16' else torch.float32
        a, b = (torch.randn(width, width, device=device, dtype=dtype) for _ in range(2))
        image = torch.randn(batch, channels, 64, 32, device=device, dtype=dtype)
        image = image.to(memory_format=torch.channels_last)
        weight = torch.randn(channels, channels, 3, 3, device=device, dtype=dtype)
        weight = weight.to(memory_format=torch.channels_last)
        convolution = partial(torch.nn.functional.conv2d, image, weight, padding=1)
        work = {
            'product': (partial(torch.mm, a, b), 2 * width**3),
            'convolution': (convolution, 2 * image.numel() * channels * 9),
        }
        for name, (function, flops) in work.items():
            best = min(timed(function, device) for _ in range(5))
            yield dict(name=f'{name} {precision}', precision=precision, tflops=flops / best / 1e12)


# ---- tests ----


def tests(device: str, small: bool) -> Iterator[dict]:
    marked = 'gpu and not slow' if small else 'gpu'
    command = [sys.executable, '-m', 'pytest', 'tests/gpu', '-m', marked, '-vv', '-n0']
    env = dict(os.environ) if device == 'cuda' else os.environ | dict(REIDGEN_GPU_TESTS='cpu')
    done = subprocess.run(
        [*command, '-p', 'no:cacheprovider'], cwd=ROOT, env=env, capture_output=True, text=True
    )
    found = re.findall(r'^(\S+::\S.*?) (PASSED|FAILED|ERROR|SKIPPED)', done.stdout, re.MULTILINE)
    for name, result in found:
        row = dict(name=name.rpartition('::')[2], result=result.lower())
        yield row if result == 'PASSED' else dict(row, error=result.lower())
    if not found or done.returncode:
        yield dict(name='pytest', error=f'exit status {done.returncode}', log=done.stdout[-4000:])


# ---- training steps ----


def steps(kind: str, device: str, small: bool, until: float) -> Iterator[dict]:
    """Batch sizes doubled until memory or time ends."""
    from random_step import RandomStep

    set_precision(kind)
    config = 'gcl_smoke.py' if small else 'gcl_market2duke.py'
    step = RandomStep(ROOT / 'configs' / config, 'joint', device)
    step.model.amp = kind in ('bf16', 'compiled')
    step.enter()
    first, repeated = (2, 1) if small else (4, 5)
    flops = count_flops(step, first) / first
    if kind == 'compiled':
        from reidgen.engine.compiling import compile_networks

        # at full size all networks but D's, which takes a compiler, and minutes
        compile_networks(step.model, dict(networks=['E_p'], backend='aot_eager') if small else True)
    precision, batch_size = 'bf16' if step.model.amp else kind, first
    while batch_size <= (2 * first if small else 1024):
        row = dict(name=f'{kind}, {batch_size} + {batch_size} images', precision=precision)
        if device == 'cuda':
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            batch = step.batch(batch_size)
            warm_up = timed(lambda batch=batch: step(batch), device)
            each = sorted(timed(lambda batch=batch: step(batch), device) for _ in range(repeated))
        except torch.OutOfMemoryError:
            yield dict(row, error='out of memory')
            return
        seconds = each[len(each) // 2]
        row |= dict(batch_size=batch_size, ms=1e3 * seconds, first_ms=1e3 * warm_up)
        row |= dict(images_per_second=2 * batch_size / seconds)
        row |= dict(step_tflops=flops * batch_size / seconds / 1e12)
        if device == 'cuda':
            row['peak_memory_gib'] = torch.cuda.max_memory_allocated() / 2**30
        yield row
        if time.perf_counter() + 2 * (warm_up + sum(each)) > until:
            return
        batch_size *= 2


class WholeModel:
    """In the place of a FlopCounterMode's module tracker, which fails in a gradient penalty."""

    parents = {'Global'}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def count_flops(step, batch_size: int) -> float:
    """FLOPs of an iteration, as many as a multiply and an add count."""
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    counter.mod_tracker = WholeModel()
    with counter:
        step(step.batch(batch_size))
    return counter.get_total_flops()


# ---- retrieval ----


def retrieval(device: str, small: bool) -> Iterator[dict]:
    from evaluation import market
    from jaccard import people

    from reidgen.evaluation import RetrievalLabels, evaluate
    from reidgen.evaluation.neighbours import neighbours_of_each
    from reidgen.evaluation.rerank import rerank_distances
    from reidgen.memory import JaccardDBSCAN, jaccard_distance

    query, gallery, *labels = market('people', 64 if small else 2048, 1)
    if small:
        query, gallery = query[:300], gallery[:1000]
        sizes = (300, 1000, 300, 1000)
        labels = [each[:size] for each, size in zip(labels, sizes)]
    features = torch.from_numpy(people(1000 if small else 12936, 64 if small else 2048))
    query, gallery, features = (each.to(device) for each in (query, gallery, features))
    work = {
        'evaluation': lambda: evaluate(query, gallery, RetrievalLabels(*labels)),
        're-ranking': lambda: [None for _ in rerank_distances(query, gallery).blocks()],
        'neighbours, k 30': lambda: neighbours_of_each(features, 30),
        'Jaccard, k1 30, k2 6': lambda: jaccard_distance(features, 30, 6),
        'Jaccard and DBSCAN': lambda: JaccardDBSCAN()(features),
    }
    timed(lambda: query[:100] @ gallery[:100].t(), device)  # starts the libraries
    for name, function in work.items():
        sizes = (len(features),) if name[0] in 'nJ' else (len(query), len(gallery))
        row = dict(name=name, images=' x '.join(map(str, sizes)))
        if device == 'cuda':
            torch.cuda.reset_peak_memory_stats()
        try:
            row['seconds'] = timed(function, device)
            if device == 'cuda':
                row['peak_memory_gib'] = torch.cuda.max_memory_allocated() / 2**30
        except torch.OutOfMemoryError:
            row['error'] = 'out of memory'
        yield row


# ---- loader ----


def loader(device: str, small: bool) -> Iterator[dict]:
    """Images a second of JPEGs of Market-1501's size, resized to 256 x 128."""
    from PIL import Image

    from reidgen.engine.loaders import build_loader
    from reidgen.registry import DATASETS, build

    num_images, cores = (64 if small else 4096), os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        noise = torch.randint(0, 256, (num_images, 16, 8, 3), dtype=torch.uint8)
        for number, pixels in enumerate(noise.numpy()):
            image = Image.fromarray(pixels).resize((64, 128))
            image.save(Path(folder) / f'{number:05d}.jpg', quality=90)
        transforms = [dict(type='Resize', size=(256, 128)), dict(type='RandomFlip', prob=0.5)]
        cfg = dict(type='FolderReID', root=folder, pattern=None, labelled=False)
        cfg['transforms'] = transforms
        dataset = build(cfg, DATASETS, 'dataset')
        for workers in sorted({0, min(2, cores), cores} if not small else {0}):
            sampler = dict(type='DefaultSampler', shuffle=False)
            options = dict(dataset=cfg, batch_size=32, num_workers=workers, sampler=sampler)
            seconds = timed(partial(drain, build_loader(dataset, options, 0, 'benchmark')), 'cpu')
            rate = num_images / seconds
            yield dict(name=f'loader, {workers} workers', images_per_second=rate)


def drain(batches) -> None:
    for _ in batches:
        pass
