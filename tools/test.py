"""Evaluates a checkpoint: python tools/test.py CONFIG work_dirs/NAME/stage_joint.pth"""

import argparse
import csv
import hashlib
import json
import os
import sys
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

from reidgen.engine import ReIDRunner  # noqa: E402
from reidgen.engine.command_line import add_common_options, run  # noqa: E402
from reidgen.engine.config import drop_pretrained, load_config  # noqa: E402
from reidgen.models.adversarial import bare  # noqa: E402


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='the Python config it was trained with')
    parser.add_argument('checkpoint', help='a .pth file of a work dir')
    parser.add_argument(
        '--work-dir', help='for results and pictures (default: work_dirs/<config name>/test)'
    )
    parser.add_argument(
        '--adabn',
        action='store_true',
        help="re-estimate batch-norm statistics on the target's training images first",
    )
    parser.add_argument(
        '--show',
        type=int,
        default=0,
        metavar='N',
        help='draw the ranked lists of N queries and the CMC curve',
    )
    add_common_options(parser)
    return parser.parse_args(args)


def default_work_dir(config: str) -> str:
    """work_dirs/<config name>/test."""
    return f'work_dirs/{Path(config).stem}/test'


def evaluate(args: argparse.Namespace) -> dict[str, float]:
    """Metrics in per cent; writes results.json, results.csv and the pictures into the work dir."""
    cfg = load_config(args.config, args.cfg_options)
    cfg.work_dir = args.work_dir or default_work_dir(args.config)
    cfg.launcher, cfg.load_from, cfg.resume = args.launcher, args.checkpoint, False
    if args.adabn:
        cfg.val_cfg.recalibrate = True
    only_evaluate(cfg)
    runner = ReIDRunner.from_cfg(cfg)
    bare(runner.model).amp = args.amp
    metrics = runner.val()
    loop = runner.val_loop
    if runner.rank == 0:
        write_results(Path(cfg.work_dir), metrics, args, loop)
        if args.show:
            draw(Path(cfg.work_dir), args.show, loop)
    return metrics


def only_evaluate(cfg) -> None:
    """Takes out of a config what training needs; in place.

    Training data stay readable (`training_data`): batch-norm statistics may be re-estimated on
    them. No network looks for pretrained weights, as the checkpoint brings every one.
    """
    cfg.training_data = cfg.get('train_dataloader')
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = None
    drop_pretrained(cfg)
    cfg.default_hooks = dict(
        sampler_seed=None,
        param_scheduler=None,
        checkpoint=None,
        logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
        plain_checkpoint=dict(type='PlainCheckpointHook'),
    )


def write_results(folder: Path, metrics: dict[str, float], args: argparse.Namespace, loop) -> None:
    """results.json (metrics, protocol, config, hash of the checkpoint) and results.csv (a row a
    loader).
    """
    first = next(iter(loop.loaders))
    rows = {
        name: {
            key.rpartition('/')[2]: value
            for key, value in metrics.items()
            if key.rpartition('/')[0] == ('' if name == first else name)
        }
        for name in loop.loaders
    }
    adapted = loop.recalibrates
    results = dict(
        **rows[first],
        protocol=loop.evaluator.metrics[0].protocol.name,
        config=args.config,
        checkpoint=args.checkpoint,
        adabn=adapted,
        checkpoint_sha256=hashlib.sha256(Path(args.checkpoint).read_bytes()).hexdigest(),
        datasets={name: loader.dataset.name for name, loader in loop.loaders.items()},
        others={name: row for name, row in rows.items() if name != first},
    )
    (folder / 'results.json').write_text(json.dumps(results, indent=1))
    with open(folder / 'results.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['loader', 'dataset', *rows[first]])
        for name, row in rows.items():
            writer.writerow(
                [name, loop.loaders[name].dataset.name, *(f'{value:.4f}' for value in row.values())]
            )
    width = max(len(name) for name in rows)
    print(f'\n{"":{width}}  ' + ' '.join(f'{key:>7}' for key in rows[first]))
    for name, row in rows.items():
        print(f'{name:{width}}  ' + ' '.join(f'{value:7.2f}' for value in row.values()))
    print(
        f'per cent; protocol {results["protocol"]}{", AdaBN" if adapted else ""}; '
        f'written to {folder / "results.json"}'
    )


def draw(folder: Path, num_queries: int, loop) -> None:
    """ranked_lists.png: evenly spaced queries of the first loader; cmc.png: the curve."""
    from reidgen.visualization import draw_cmc, draw_ranked_lists

    last, dataset = loop.evaluator.metrics[0].last, next(iter(loop.loaders.values())).dataset
    num_queries = min(num_queries, last.num_query)
    rows = [number * last.num_query // num_queries for number in range(num_queries)]
    draw_ranked_lists(
        lambda row: picture(dataset, row),
        last.pids,
        last.camids,
        last.features,
        last.num_query,
        rows,
        protocol=last.result.protocol,
        path_out=folder / 'ranked_lists.png',
    )
    draw_cmc({dataset.name: last.result.cmc}, folder / 'cmc.png')
    print(f'pictures: {folder / "ranked_lists.png"}, {folder / "cmc.png"}')


def picture(dataset, row: int):
    """The image of a row as it is stored."""
    from PIL import Image

    return Image.fromarray(dataset.read_image(dataset.records[row]).permute(1, 2, 0).numpy())


def main() -> None:
    args = parse_args()
    run(lambda: evaluate(args), args.work_dir or default_work_dir(args.config))


if __name__ == '__main__':
    main()
