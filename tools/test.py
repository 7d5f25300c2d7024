"""Evaluates a checkpoint: python tools/test.py CONFIG work_dirs/NAME/stage_joint.pth

Without a checkpoint the networks are evaluated as the config starts them.
"""

import argparse
import csv
import os
import sys
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

from reidgen.engine import ReIDRunner  # noqa: E402
from reidgen.engine.command_line import add_common_options, count, run  # noqa: E402
from reidgen.engine.config import load_config, only_evaluate  # noqa: E402
from reidgen.evaluation.metric import LENGTH_SHOWN  # noqa: E402
from reidgen.files import sha256_of, write_json  # noqa: E402
from reidgen.models.adversarial import unwrap_model  # noqa: E402


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='the Python config it was trained with')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='a .pth file of a work dir (default: the networks as they start)',
    )
    parser.add_argument(
        '--work-dir', help='for results and pictures (default: work_dirs/<config name>/test)'
    )
    parser.add_argument(
        '--adabn',
        action='store_true',
        help="re-estimate batch-norm statistics on the target's training images first",
    )
    parser.add_argument(
        '--rerank',
        action='store_true',
        help='k-reciprocal re-ranking, k1=20, k2=6, weight 0.3 (others: val_evaluator.rerank)',
    )
    parser.add_argument(
        '--show',
        type=count,
        default=0,
        metavar='N',
        help='draw the ranked lists of N queries, as they are scored, and the CMC curve',
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
        cfg.val_cfg.update(recalibrate=True, both=False)
    if args.rerank and cfg.val_evaluator.get('rerank') is None:
        cfg.val_evaluator.rerank = {}
    if args.show:
        cfg.val_evaluator.num_shown = args.show
    only_evaluate(cfg, keep_weights=args.checkpoint is None)
    runner = ReIDRunner.from_cfg(cfg)
    unwrap_model(runner.model).amp = args.amp
    metrics = runner.val()
    loop = runner.val_loop
    if runner.rank == 0:
        write_results(Path(cfg.work_dir), metrics, args, loop)
        if args.show:
            draw(Path(cfg.work_dir), loop)
    return metrics


def write_results(folder: Path, metrics: dict[str, float], args: argparse.Namespace, loop) -> None:
    """results.json (metrics, protocol, config, hash of the checkpoint) and results.csv (a row a
    loader).
    """
    first = next(iter(loop.loaders))
    names = [*loop.loaders, *(['adabn'] if loop.reports_both else [])]
    rows = {
        name: {
            key.rpartition('/')[2]: value
            for key, value in metrics.items()
            if key.rpartition('/')[0] == ('' if name == first else name)
        }
        for name in names
    }
    datasets = {name: loop.loaders.get(name, loop.loaders[first]).dataset.name for name in names}
    adapted = loop.recalibrates
    metric = loop.evaluator.metrics[0]
    protocol, rerank = metric.protocol, metric.rerank
    results = dict(
        **rows[first],
        protocol=protocol.name,
        config=args.config,
        checkpoint=args.checkpoint,
        adabn=adapted,
        rerank=rerank,
        expansion=metric.expansion,
        checkpoint_sha256=sha256_of(args.checkpoint) if args.checkpoint else None,
        datasets=datasets,
        others={name: row for name, row in rows.items() if name != first},
    )
    write_json(folder / 'results.json', results)
    with open(folder / 'results.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['loader', 'dataset', *rows[first]])
        for name, row in rows.items():
            writer.writerow([name, datasets[name], *(f'{value:.4f}' for value in row.values())])
    width = max(len(name) for name in rows)
    print(f'\n{"":{width}}  ' + ' '.join(f'{key:>7}' for key in rows[first]))
    for name, row in rows.items():
        print(f'{name:{width}}  ' + ' '.join(f'{value:7.2f}' for value in row.values()))
    print(
        f'per cent; protocol {protocol.name} ({protocol.description})'
        f'{", AdaBN" if adapted else ""}{", re-ranked" if rerank is not None else ""}; '
        f'written to {folder / "results.json"}'
    )


def draw(folder: Path, loop) -> None:
    """ranked_lists.png: what the last evaluation of the first loader kept; cmc.png: the curve."""
    from reidgen.visualization import draw_cmc
    from reidgen.visualization.ranked_lists import Cell, draw_lines

    metric, dataset = loop.evaluator.metrics[0], next(iter(loop.loaders.values())).dataset
    last = metric.last
    gallery_start = 0 if metric.protocol.one_set else last.num_query

    def cell(row: int, kind: str) -> Cell:
        caption = f'{int(last.pids[row])} c{int(last.camids[row]) + 1}'
        return Cell(lambda: picture(dataset, row), kind, caption)

    lines = [
        [cell(ranked.query, 'query')]
        + [
            cell(gallery_start + row, kind)
            for row, kind in zip(ranked.gallery.tolist(), ranked.flags)
        ]
        for ranked in last.lists
    ]
    draw_lines(lines, LENGTH_SHOWN, path_out=folder / 'ranked_lists.png')
    draw_cmc({dataset.name: last.result.cmc}, folder / 'cmc.png')
    print(
        f'pictures{" with AdaBN" if loop.reports_both else ""}: '
        f'{folder / "ranked_lists.png"}, {folder / "cmc.png"}'
    )


def picture(dataset, row: int):
    """The image of a row as it is stored."""
    from PIL import Image

    return Image.fromarray(dataset.read_image(dataset.records[row]).permute(1, 2, 0).numpy())


def main() -> None:
    args = parse_args()
    run(lambda: evaluate(args), args.work_dir or default_work_dir(args.config))


if __name__ == '__main__':
    main()
