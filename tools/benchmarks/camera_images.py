"""mAP of AdaBN by camera, by the number of unlabelled images of each camera.

    python tools/benchmarks/camera_images.py configs/baselines/synth_a_to_b.py \
        work_dirs/synth_a_to_b/stage_identity.pth --json camera_images.json

Batch-norm statistics are re-estimated on so many training images of each camera of the target,
drawn at random `--draws` times; nothing is trained. `all` are all that there are.
"""

import argparse
import random
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from torch import Tensor  # noqa: E402

from reidgen.adaptation.measures import embed_rows, retrieval_labels  # noqa: E402
from reidgen.datasets.reid_dataset import ReIDDataset  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.engine.embedding import embed_adapted  # noqa: E402
from reidgen.engine.loaders import Rows  # noqa: E402
from reidgen.engine.loading import trained_model  # noqa: E402
from reidgen.evaluation.identification import evaluate  # noqa: E402
from reidgen.files import write_json  # noqa: E402
from reidgen.inference.batch_norm import rows_by_name  # noqa: E402
from reidgen.models.adversarial import AdversarialModel  # noqa: E402
from reidgen.registry import DATASETS, build  # noqa: E402
from tools.benchmarks.hardware import machine  # noqa: E402

COUNTS = (2, 5, 10, 20, 50, 100)


def drawn(rows: dict[str, list[int]], count: int | None, seed: int) -> dict[str, list[int]]:
    """So many random rows of each camera; None: all."""
    rng = random.Random(seed)
    return {
        camera: own if count is None else sorted(rng.sample(own, min(count, len(own))))
        for camera, own in rows.items()
    }


def score(
    model: AdversarialModel, train: ReIDDataset, test: ReIDDataset, rows: dict[str, list[int]]
) -> float:
    """mAP in per cent with the statistics of these training images."""
    chosen = sorted(row for own in rows.values() for row in own)
    part: Any = Rows(train, chosen)
    part.camids = train.camids[chosen]
    return mean_ap(embed_adapted(model, test, 'camera', statistics=part).cpu(), test)


def mean_ap(features: Tensor, test: ReIDDataset) -> float:
    """mAP in per cent of queries among the gallery."""
    num = test.metainfo['num_query']
    return 100 * evaluate(features[:num], features[num:], retrieval_labels(test)).mAP


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--counts', type=int, nargs='+', default=COUNTS, metavar='N')
    parser.add_argument('--draws', type=int, default=3)
    parser.add_argument('--json', required=True, metavar='FILE')
    args = parser.parse_args()
    cfg = load_config(args.config)
    model = trained_model(cfg, args.checkpoint, to_embed=True)
    train = build(cfg.train_dataloader[cfg.val_cfg.adabn].dataset.to_dict(), DATASETS, 'train')
    loader = next(iter(cfg.val_dataloader.values()))
    test = build(loader.dataset.to_dict(), DATASETS, 'test')
    rows = rows_by_name([str(camid + 1) for camid in train.camids.tolist()])
    results = dict(config=args.config, checkpoint=args.checkpoint, hardware=machine(), mAP={})
    results['mAP']['statistics of training'] = [mean_ap(embed_rows(model, test), test)]
    for count in (*args.counts, None):
        seeds = range(args.draws if count else 1)
        found = [score(model, train, test, drawn(rows, count, seed)) for seed in seeds]
        name = str(count) if count else 'all'
        results['mAP'][name] = found
        print(f'{name:>5} images of each camera: mAP {statistics.fmean(found):.1f}', flush=True)
        write_json(args.json, results)


if __name__ == '__main__':
    main()
