"""Benchmark of translations by what an encoder and the eye see of them, beside the truth.

    python projects/gcl_camera/tools/feature_distance.py \
        projects/gcl_camera/configs/gcl_camera_synth_n.py \
        work_dirs/gcl_camera_synth_n/stage_identity.pth \
        work_dirs/gcl_camera_synth_n/translated/memory --json feature_distance.json

As colour_floor.py, whose truth it takes: the same person, pose and side under the target's camera.
A translation's body is set into the truth's picture, so that the background counts nowhere. Then,
means over images: the cosine distance of the encoder's features from the truth's, with batch-norm
statistics of training and of the target's cameras; the share of images whose nearest truth is of
the same person; sharpness, the mean absolute Laplacian of luma over the body, of the truth's; and
contrast, the standard deviation of luma over the body, of the truth's.
"""

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from projects.gcl_camera.tools.colour_floor import LEAST_PIXELS, aligned, translations
from reidgen.adaptation.measures import embed_images
from reidgen.engine.config import load_config
from reidgen.engine.loading import trained_model
from reidgen.evaluation.camera_statistics import CameraStatistics
from reidgen.inference.batch_norm import rows_by_name, statistics_by_camera
from reidgen.models.adversarial import AdversarialModel
from reidgen.registry import DATASETS, build

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


class Collected:
    """Pictures of one kind, with the rows of the source that they show.

    Attributes:
        rows: of the source.
        pictures: (H, W, 3) uint8, the body in the truth's picture.
        ratios: sharpness and contrast of each, over the truth's.
    """

    def __init__(self):
        self.rows: list[int] = []
        self.pictures: list[np.ndarray] = []
        self.ratios: list[tuple[float, float]] = []

    def add(self, row: int, picture: np.ndarray, truth: np.ndarray, body: np.ndarray) -> None:
        """Adds a picture whose pixels of the body are given."""
        whole = truth.copy()
        whole[body] = picture[body]
        found, true = (sharpness_and_contrast(each, body) for each in (whole, truth))
        self.rows.append(row)
        self.pictures.append(whole)
        self.ratios.append((found[0] / true[0], found[1] / true[1]))

    def images(self) -> Tensor:
        """(N, 3, H, W) uint8."""
        return torch.from_numpy(np.stack(self.pictures)).permute(0, 3, 1, 2).contiguous()


def sharpness_and_contrast(picture: np.ndarray, body: np.ndarray) -> tuple[float, float]:
    """Mean absolute Laplacian and standard deviation of luma, over the inside of a body."""
    luma = picture.astype(np.float64) @ LUMA
    inside = cv2.erode(body.astype(np.uint8), np.ones((3, 3))) > 0  # no edge of the body itself
    if not inside.any():
        inside = body
    return float(np.abs(cv2.Laplacian(luma, cv2.CV_64F))[inside].mean()), float(luma[inside].std())


def embedded(
    model: AdversarialModel, images: Tensor, cameras: Tensor, statistics: CameraStatistics | None
) -> Tensor:
    """Features (N, D), with the statistics of each image's camera if there are any."""
    if statistics is None:
        return embed_images(model, images)
    found = torch.empty(0)
    for number, camera in enumerate(statistics.cameras):
        rows = torch.nonzero(cameras == int(camera))[:, 0]
        if not len(rows):
            continue
        statistics.use(model, number)
        part = embed_images(model, images[rows])
        found = part.new_empty(len(images), part.shape[1]) if not len(found) else found
        found[rows] = part
    return found


def compared(found: Tensor, true: Tensor, pids: Tensor) -> dict[str, float]:
    """Mean cosine distance of rows, and the share whose nearest truth is of the same person."""
    nearest = (found @ true.T).argmax(1)
    return dict(
        distance=float((1 - (found * true).sum(1)).mean()),
        same_person=float((pids[nearest] == pids).double().mean()),
    )


def measured(source, target, cfg, model: AdversarialModel, folders, limit: int) -> dict:
    """Numbers by the name of what is compared."""
    found = translations(source, target, folders, cfg.model.networks.G.num_cameras)
    kinds = {name: Collected() for name in found}
    truths: dict[int, np.ndarray] = {}
    for row, truth, body in aligned(source, cfg.oracle.domain, limit):
        if body.sum() < LEAST_PIXELS:
            continue
        truths[row] = truth
        for name, translate in found.items():
            picture = translate(row)
            if picture is not None:
                kinds[name].add(row, picture, truth, body)
    rows = rows_by_name([str(camid) for camid in target.camids.tolist()])
    by_camera = statistics_by_camera(model, target.plain(), rows)
    own = {name: buffer.clone() for name, buffer in model.named_buffers()}
    shared = set.intersection(*(set(kind.rows) for kind in kinds.values()))
    told: dict = {}
    for name, kind in kinds.items():
        places = [place for place, row in enumerate(kind.rows) if row in shared]
        chosen = torch.tensor([kind.rows[place] for place in places])
        images = kind.images()[places]
        true = np.stack([truths[row] for row in chosen.tolist()])
        true_images = torch.from_numpy(true).permute(0, 3, 1, 2).contiguous()
        cameras, pids = source.camids[chosen], source.pids[chosen]
        ratios = np.mean([kind.ratios[place] for place in places], axis=0)
        told[name] = dict(images=len(places), sharpness=ratios[0], contrast=ratios[1])
        for of, statistics in (('training', None), ('camera', by_camera)):
            pair = (embedded(model, each, cameras, statistics) for each in (images, true_images))
            told[name][of] = compared(*pair, pids)
            for key, buffer in model.named_buffers():
                buffer.copy_(own[key])
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='with the loaders source and target, and `oracle`')
    parser.add_argument('checkpoint', help='of the encoder')
    parser.add_argument('folders', nargs='*', type=Path, help='holding 0, 1, ...: styles')
    parser.add_argument('--images', type=int, default=400, help='that are rendered again')
    parser.add_argument('--json', type=Path, help='write the numbers to this file')
    args = parser.parse_args()
    cfg = load_config(args.config)
    model = trained_model(cfg, args.checkpoint, to_embed=True)
    source, target = (
        build(cfg.train_dataloader[name].dataset, DATASETS).plain(maps=True)
        for name in ('source', 'target')
    )
    told = measured(source, target, cfg, model, args.folders, args.images)
    keys = 'distance, same person (training) | distance, same person (camera)'
    print(f'| bodies | {keys} | sharpness | contrast | images |\n|---|---|---|---|---|---|')
    for name, each in told.items():
        cells = [f'{each[of]["distance"]:.3f}, {each[of]["same_person"]:.2f}'
                 for of in ('training', 'camera')]  # fmt: skip
        print(
            f'| {name} | {" | ".join(cells)} | {each["sharpness"]:.2f} | {each["contrast"]:.2f} | '
            f'{each["images"]} |'
        )
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))


if __name__ == '__main__':
    main()
