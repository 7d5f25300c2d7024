"""Images a second of a core that loading gives, by stage, with maps and cache, beside other code.

    python tools/benchmarks/loader.py --json loader.json
    python tools/benchmarks/loader.py --peer ../fast-reid     (a checkout, read and run)
    python tools/benchmarks/loader.py --market data/market1501 --images 2000

Crops of 128 x 64 are resized to 256 x 128, flipped, padded and cropped, and erased; with maps, the
one of the own view and the one of a drawn view with them. Without --market, pictures and maps are
drawn into a temporary folder. The yardstick is the chain of torchvision transforms that fast-reid
uses, on Pillow's images, to float tensors. All ways run in turns in one process on one thread;
seconds are of the processor, the ratio is the median over rounds of the yardstick's by the way's,
and the yardstick runs a second time, which tells how far ratios are from exact. `workers` are
measured by the clock: they need cores of their own. --train N measures what a training waits for
its batches, with the cache and without, in N iterations each that take turns.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ['OMP_NUM_THREADS'] = '1'
sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image, ImageOps  # noqa: E402
from torch.utils.data import DataLoader, RandomSampler, default_collate  # noqa: E402
from torchvision import transforms as tv  # noqa: E402

from reidgen.datasets import Market1501, ReIDDataset, Sample  # noqa: E402
from reidgen.datasets.image_files import read_rgb  # noqa: E402
from reidgen.datasets.transforms import transformed  # noqa: E402
from reidgen.models.encoders.content import ContentEncoder  # noqa: E402
from reidgen.structures import SeededIndex  # noqa: E402

SIZE, MEAN = (256, 128), (124, 116, 104)
TRANSFORMS = [
    dict(type='Resize', size=SIZE),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomPadCrop', padding=10),
    dict(type='RandomErase', prob=0.5),
]
STAGES = ('resize', 'flip', 'pad and crop', 'erase')
YARDSTICK, AGAIN = 'torchvision chain, to floats', 'torchvision chain again (A/A)'
VIEWS = (45, 90)
Way = Callable[[int], object]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--images', type=int, default=512, help='images a round')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--workers', type=int, nargs='*', default=[0, 1, 2])
    parser.add_argument('--prefetch', type=int, nargs='*', default=[1, 2, 4])
    parser.add_argument('--train', type=int, default=0, help='iterations of each; 0: none')
    parser.add_argument('--market', type=Path, help='folder of Market-1501; default: drawn crops')
    parser.add_argument('--peer', type=Path, help='checkout of fast-reid, for its own transforms')
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    args = parser.parse_args()
    for name in ('images', 'rounds', 'batch_size'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} is {getattr(args, name)}; give 1 or more')
    if min(args.workers, default=0) < 0:
        parser.error(f'--workers is {args.workers}; numbers are 0 or more')
    return args


def draw_market(root: Path, count: int) -> Path:
    """Market-1501 of drawn crops: smooth colours with grain, JPEG as large as its files, 3 kB."""
    rng = np.random.default_rng(0)
    folders = {'image': root / 'bounding_box_train'}
    folders |= {view: root / 'mesh/train' / view for view in ('render', 'render_45', 'render_90')}
    for folder in (*folders.values(), root / 'query', root / 'bounding_box_test'):
        folder.mkdir(parents=True)
    for number in range(count):
        name = f'{number // 8 + 1:04d}_c{number % 6 + 1}s1_{number:06d}_00.jpg'
        for kind, folder in folders.items():
            coarse = rng.integers(256, size=(16, 8, 3 if kind == 'image' else 1), dtype=np.uint8)
            smooth = cv2.resize(coarse, (64, 128), interpolation=cv2.INTER_CUBIC).astype(float)
            pixels = np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name, quality=85)
    return root


def chain(paths: list[str]) -> Way:
    """The chain of torchvision transforms that fast-reid uses for training, 0..255 floats."""
    turn = tv.Compose(
        [
            tv.Resize(list(SIZE), interpolation=tv.InterpolationMode.BICUBIC),
            tv.RandomHorizontalFlip(0.5),
            tv.Pad(10),
            tv.RandomCrop(list(SIZE)),
            tv.PILToTensor(),
        ]
    )
    erase = tv.RandomErasing(0.5, (0.02, 0.4), (0.3, 3.33), value=MEAN)

    def load(number: int) -> torch.Tensor:
        with Image.open(paths[number]) as image:
            picture = ImageOps.exif_transpose(image).convert('RGB')
        return erase(turn(picture).float())

    return load


def fast_reid(checkout: Path, paths: list[str]) -> Way:
    """Training transforms of a checkout of fast-reid, as its data set applies them."""
    sys.path.insert(0, str(checkout))
    try:
        from fastreid.config import get_cfg
        from fastreid.data.data_utils import read_image
        from fastreid.data.transforms import build_transforms
    except ImportError as error:
        sys.exit(
            f'error: --peer {checkout}: fastreid.data.transforms cannot be imported ({error}); '
            f'give the root of a checkout of fast-reid and install what it needs'
        )
    cfg = get_cfg()
    cfg.INPUT.SIZE_TRAIN, cfg.INPUT.REA.ENABLED = list(SIZE), True
    cfg.INPUT.FLIP.ENABLED = cfg.INPUT.PADDING.ENABLED = True
    transforms = build_transforms(cfg, is_train=True)
    return lambda number: transforms(read_image(paths[number]))


def opencv(paths: list[str]) -> Way:
    """Decoding and resizing by OpenCV alone: bicubic without antialias, other pixels than ours."""
    size = SIZE[::-1]
    return lambda n: cv2.resize(cv2.imread(paths[n]), size, interpolation=cv2.INTER_CUBIC)


def item(dataset: ReIDDataset) -> Way:
    """Item of a data set under another augmentation each time."""
    seeds = iter(range(2**62))
    return lambda number: dataset[SeededIndex(number, next(seeds))]


def stages(dataset: ReIDDataset) -> dict[str, Way]:
    """Single stages on images that the stage before has left; reading is one of them."""
    paths = [record.path for record in dataset.records]
    pictures = [Sample(read_rgb(path)) for path in paths]
    scaled = [dataset.transforms[0](picture) for picture in pictures]
    inputs = [pictures, scaled, scaled, scaled]
    ways: dict[str, Way] = {'read and decode': lambda number: read_rgb(paths[number])}
    for name, transform, samples in zip(STAGES, dataset.transforms, inputs):
        ways[name] = lambda number, t=transform, s=samples: t(s[number])
    ways['seed of the augmentation'] = lambda number: transformed(
        lambda: scaled[number], [], number
    )
    return ways


def seconds(ways: dict[str, Way], count: int, rounds: int) -> dict[str, list[float]]:
    """Processor seconds an image of each round; the ways take turns."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            for number in range(count):
                way(number)
            spent[name].append((time.process_time() - start) / count)
    return spent


def loaded(dataset: ReIDDataset, workers: int, batch_size: int, passes: int = 3) -> float:
    """Images a second by the clock of a DataLoader, the best pass after a first one."""
    loader = DataLoader(
        dataset,
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )
    rates = []
    for _ in range(passes + 1):
        start, images = time.perf_counter(), 0
        for batch in loader:
            images += len(batch.pid)
        rates.append(images / (time.perf_counter() - start))
    return max(rates[1:])


def waits(sets: dict[str, ReIDDataset], args: argparse.Namespace) -> list[dict]:
    """Milliseconds by the clock that a training waits for a batch, and of a whole iteration.

    An iteration is a forward and backward pass of MobileNetV2. The loaders take turns.
    """
    network = ContentEncoder('mobilenet_v2').train()
    loaders: dict[tuple, Iterator] = {}
    for name, workers in itertools.product(sets, args.workers):
        for prefetch in args.prefetch if workers else [None]:
            loader = DataLoader(
                sets[name],
                batch_size=min(args.batch_size, len(sets[name])),
                sampler=RandomSampler(sets[name], num_samples=10**6),
                num_workers=workers,
                prefetch_factor=prefetch,
            )
            loaders[name, workers, prefetch] = iter(loader)
    spent: dict[tuple, list[tuple[float, float]]] = {key: [] for key in loaders}
    for _ in range(1 + args.train):
        for key, loader in loaders.items():
            start = time.perf_counter()
            batch = next(loader)
            waited = time.perf_counter() - start
            network(batch.img.float()).embedding.square().mean().backward()
            spent[key].append((waited, time.perf_counter() - start))
    return [
        dict(
            way=f'{key[0]}, training',
            workers=key[1],
            prefetch=key[2],
            images_a_second=len(batch.pid) / statistics.median(whole for _, whole in each[1:]),
            waited_ms=1e3 * statistics.median(waited for waited, _ in each[1:]),
            iteration_ms=1e3 * statistics.median(whole for _, whole in each[1:]),
        )
        for key, each in spent.items()
    ]


def measure(args: argparse.Namespace, root: Path) -> list[dict]:
    """Rows of the table."""
    mesh = dict(type='RenderedMesh', root=str(root / 'mesh'), views=list(VIEWS))

    def market(**kwargs) -> ReIDDataset:
        return Market1501(str(root), transforms=TRANSFORMS, check_images=False, **kwargs)

    sets = {'reidgen': market(), 'reidgen, cache': market(cache_gb=64)}
    if (root / 'mesh').is_dir():
        sets['reidgen, image and maps'] = market(pose_map=mesh)
        sets['reidgen, image and maps, cache'] = market(pose_map=mesh, cache_gb=64)
    plain = sets['reidgen']
    paths = [record.path for record in plain.records]
    count = min(args.images, len(paths))
    batch = [plain[row] for row in range(min(args.batch_size, count))]
    ways: dict[str, Way] = {YARDSTICK: chain(paths), AGAIN: chain(paths)}
    if args.peer:
        ways['fast-reid, its own code'] = fast_reid(args.peer, paths)
    ways['OpenCV, decoding and resizing alone'] = opencv(paths)
    ways |= {name: item(dataset) for name, dataset in sets.items()} | stages(plain)
    for dataset in sets.values():  # the cache is filled
        for _ in range(8 if dataset.cache else 1):
            for row in range(count):
                dataset[SeededIndex(row, len(dataset) + row)]
    spent = seconds(ways, count, args.rounds)
    collate = seconds({'': lambda _: default_collate(batch)}, 20, args.rounds)['']
    spent['collate'] = [each / len(batch) for each in collate]
    rows = [
        dict(
            way=name,
            images_a_second=1 / min(each),
            ratio=statistics.median(a / b for a, b in zip(spent[YARDSTICK], each)),
            microseconds=1e6 * min(each),
        )
        for name, each in spent.items()
    ]
    for name, dataset in sets.items():
        for workers in args.workers:
            rate = loaded(dataset, workers, args.batch_size)
            rows.append(dict(way=f'{name}, batches', workers=workers, images_a_second=rate))
    if args.train:
        rows += waits({name: sets[name] for name in ('reidgen', 'reidgen, cache')}, args)
    return rows


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = args.market or draw_market(Path(folder), args.images)
        rows = measure(args, root)
    print(f'{"":38}{"workers":>8}{"images/s":>10}{"us an image":>13}{"times the chain":>17}')
    for row in rows:
        ratio = f'{row["ratio"]:17.2f}' if 'ratio' in row else ''
        if 'waited_ms' in row:
            ratio = f'  waits {row["waited_ms"]:.1f} of {row["iteration_ms"]:.0f} ms'
            ratio += f', prefetch {row["prefetch"]}'
        spent = f'{row["microseconds"]:13.0f}' if 'microseconds' in row else f'{"":13}'
        workers = str(row.get('workers', ''))
        print(f'{row["way"]:38}{workers:>8}{row["images_a_second"]:10.0f}{spent}{ratio}')
    if args.json:
        args.json.write_text(json.dumps(dict(torch=torch.__version__, rows=rows), indent=1))
        print(f'written to {args.json}')


if __name__ == '__main__':
    main()
