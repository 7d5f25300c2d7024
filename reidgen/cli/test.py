"""Evaluation of a checkpoint: the subcommand `test`."""

import argparse
import csv
import sys
from pathlib import Path

from torch.utils.data import default_collate

from reidgen.checkpoint.reading import existing_checkpoint
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config, only_evaluate
from reidgen.evaluation.calibration import calibrate
from reidgen.evaluation.metric import LENGTH_SHOWN
from reidgen.files import sha256_of, write_json, written_whole
from reidgen.models.adversarial import unwrap_model
from reidgen.reporting.projector import write_projector
from reidgen.reporting.queries import NAME as QUERIES
from reidgen.reporting.queries import write_queries
from reidgen.reporting.run_files import ACTIVATIONS

EVALUATION = ('val_dataloader', 'val_cfg', 'val_evaluator')


def run(args: argparse.Namespace) -> dict[str, float]:
    """Evaluates; returns metrics in per cent, writes results.json, results.csv and pictures.

    Raises:
        ValueError: the config has no evaluation.
        FileNotFoundError: there is no such checkpoint.
    """
    cfg = load_config(args.config, args.cfg_options)
    lacking = [key for key in EVALUATION if cfg.get(key) is None]
    if lacking:
        raise ValueError(
            f'{args.config} has no {", ".join(lacking)}, so there is nothing to test on (adapt '
            f'writes such configs, as its crops have no labels); label some and write a config '
            f'with this one as _base_ and with these keys: docs/getting_started.md, "A threshold '
            f'for your cameras"'
        )
    if args.checkpoint:
        existing_checkpoint(args.checkpoint)  # before a data set is rendered
    cfg.work_dir = args.work_dir
    cfg.launcher, cfg.load_from, cfg.resume = args.launcher, args.checkpoint, False
    if args.adabn:
        cfg.val_cfg.update(recalibrate=True, both=False)
    if args.rerank and cfg.val_evaluator.get('rerank') is None:
        cfg.val_evaluator.rerank = {}
    cfg.val_evaluator.num_shown = sys.maxsize  # every query
    only_evaluate(cfg, keep_weights=args.checkpoint is None)
    runner = ReIDRunner.from_cfg(cfg)
    unwrap_model(runner.model).amp = args.amp
    metrics = runner.val()
    loop = runner.val_loop
    if runner.rank == 0:
        write_results(Path(cfg.work_dir), metrics, args, loop)
        write_query_scores(Path(cfg.work_dir), loop)
        if args.show:
            draw(Path(cfg.work_dir), runner, args.show)
        if args.projector:
            write_embeddings(Path(cfg.work_dir, 'projector'), loop)
    return metrics


def write_results(folder: Path, metrics: dict[str, float], args: argparse.Namespace, loop) -> None:
    """Writes results.json (metrics, protocol, config, checkpoint hash) and results.csv."""
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
        adabn_by=loop.adabn_by if adapted or loop.reports_both else None,
        rerank=rerank,
        expansion=metric.expansion,
        checkpoint_sha256=sha256_of(args.checkpoint) if args.checkpoint else None,
        datasets=datasets,
        verification=verification(loop),
        others={name: row for name, row in rows.items() if name != first},
    )
    write_json(folder / 'results.json', results)
    with written_whole(folder / 'results.csv') as part, open(part, 'w', newline='') as file:
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
        f'{f", {loop.adabn_name}" if adapted else ""}'
        f'{", re-ranked" if rerank is not None else ""}; '
        f'written to {folder / "results.json"}'
    )


def verification(loop) -> dict | None:
    """Calibration of the first loader's distances, with a line of it; None where it has none."""
    try:
        found = calibrate(loop.evaluator.metrics[0].verification())
    except ValueError as error:
        print(f'no verification: {error}')
        return None
    print(
        f'verification{f" with {loop.adabn_name}" if loop.reports_both else ""}: threshold '
        f'{1 - found.threshold / 2:.3f} of cosine similarity, false match rate {found.fmr:.2%}, '
        f'false non-match rate {found.fnmr:.2%}; equal error rate {found.eer:.2%}'
    )
    return dict(adabn=loop.recalibrates or loop.reports_both, **found.to_dict())


def write_query_scores(folder: Path, loop) -> None:
    """Writes queries.json of the first loader's last evaluation, for the command report."""
    metric, dataset = loop.evaluator.metrics[0], next(iter(loop.loaders.values())).dataset
    settings = [f'protocol {metric.protocol.name}']
    settings += [loop.adabn_name] * (loop.recalibrates or loop.reports_both)
    settings += ['re-ranked'] * (metric.rerank is not None)
    settings += ['expanded queries'] * (metric.expansion is not None)
    start = 0 if metric.protocol.one_set else metric.last.num_query
    write_queries(
        folder / QUERIES, metric.last, dataset.records, start, dataset.name, ', '.join(settings)
    )


def write_embeddings(folder: Path, loop) -> None:
    """Writes the embeddings of the first loader's last evaluation for TensorBoard's projector."""
    dataset = next(iter(loop.loaders.values())).dataset
    last = loop.evaluator.metrics[0].last
    num = write_projector(
        folder, last.features, dataset.records, lambda row: picture(dataset, row), last.num_query
    )
    print(f'projector of {num} images: tensorboard --logdir {folder}')


def draw(folder: Path, runner, num_queries: int) -> None:
    """Draws ranked_lists.png of evenly spaced queries, the same with the encoder's activation maps
    as activations.png, and cmc.png, of the last evaluation of the first loader."""
    from reidgen.visualization import draw_cmc
    from reidgen.visualization.activations import activation_maps, with_activation
    from reidgen.visualization.ranked_lists import Cell, draw_lines

    loop, model = runner.val_loop, unwrap_model(runner.model)
    metric, dataset = loop.evaluator.metrics[0], next(iter(loop.loaders.values())).dataset
    last = metric.last
    gallery_start = 0 if metric.protocol.one_set else last.num_query

    def cell(row: int, kind: str) -> Cell:
        caption = f'{int(last.pids[row])} c{int(last.camids[row]) + 1}'
        return Cell(lambda: picture(dataset, row), kind, caption)

    model.eval()
    lines, with_maps = [], []
    for ranked in evenly_spaced(last.lists, num_queries):
        rows = [ranked.query, *(gallery_start + ranked.gallery).tolist()]
        line = [cell(row, kind) for row, kind in zip(rows, ('query', *ranked.flags))]
        batch = default_collate([dataset[row] for row in rows])
        maps = activation_maps(model.retrieval_encoder, lambda batch=batch: model.val_step(batch))
        lines.append(line)
        with_maps += [line, [with_activation(*pair) for pair in zip(line, maps)]]
    draw_lines(lines, LENGTH_SHOWN, folder / 'ranked_lists.png')
    draw_lines(with_maps, LENGTH_SHOWN, folder / ACTIVATIONS)
    draw_cmc({dataset.name: last.result.cmc}, folder / 'cmc.png')
    print(
        f'pictures{f" with {loop.adabn_name}" if loop.reports_both else ""}: '
        f'{folder / "ranked_lists.png"}, {folder / ACTIVATIONS}, {folder / "cmc.png"}'
    )


def evenly_spaced(items: list, num: int) -> list:
    """At most `num` of the items, the first among them."""
    num = min(num, len(items))
    return [items[number * len(items) // num] for number in range(num)]


def picture(dataset, row: int):
    """Stored image of a row."""
    from PIL import Image

    return Image.fromarray(dataset.read_image(dataset.records[row]).permute(1, 2, 0).numpy())
