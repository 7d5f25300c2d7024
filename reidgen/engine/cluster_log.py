"""Log of a clustering: counts, agreement with known identities, and a picture."""

from pathlib import Path

import numpy as np
import torch
from mmengine.dist import is_main_process
from PIL import Image
from torch import Tensor

from reidgen.memory.cluster_quality import cluster_quality
from reidgen.memory.clustering import Clusters
from reidgen.visualization.clusters import draw_largest_clusters

FOLDER = 'clusters'  # of the work dir


def log_clusters(runner, step: int, bank: str, dataset, found: Clusters) -> None:
    """Logs a clustering, and writes its numbers to the visualizer as `clusters/<bank>/...`.

    Purity and completeness are there where the records of the data set tell identities, also of a
    set that is trained without them: they are for the log alone.

    Args:
        step: iterations done.
        bank: name of the memory that is clustered.
        dataset: whose images it holds.
    """
    numbers = dict(clusters=found.num_clusters, outliers=found.num_outliers)
    told = (
        f'{bank}: {found.num_clusters} clusters, {found.num_outliers} of {len(found.labels)} '
        f'images are outliers, eps {found.eps}'
    )
    if found.eps is not None:
        numbers['eps'] = found.eps
    quality = cluster_quality(found.labels.cpu(), true_pids(dataset))
    if quality is not None:
        numbers |= quality._asdict()
        told += f'; purity {quality.purity:.3f}, completeness {quality.completeness:.3f}'
    runner.logger.info(told)
    runner.visualizer.add_scalars(
        {f'clusters/{bank}/{key}': value for key, value in numbers.items()}, step=step
    )


def draw_clusters(
    runner, step: int, bank: str, dataset, labels: Tensor, features: Tensor, num_clusters: int
) -> Path | None:
    """Draws the largest clusters to `<work dir>/clusters/` and the visualizer; the path, if any."""
    if not is_main_process():
        return None
    path = Path(runner.work_dir, FOLDER, f'{bank}_{step:06d}.png')

    def read(row: int) -> Image.Image:
        pixels = dataset.read_image(dataset.records[row])
        return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())

    picture = draw_largest_clusters(
        labels.cpu(), features.cpu(), true_pids(dataset).tolist(), read, path, num_clusters
    )
    if picture is None:
        return None
    runner.visualizer.add_image(f'clusters_{bank}', np.asarray(picture), step=step)
    return path


def true_pids(dataset) -> Tensor:
    """(N,) int64 identities as the files tell them, -1 where they do not.

    A data set of your own without `records` tells none.
    """
    records = getattr(dataset, 'records', None)
    pids = [-1] * len(dataset) if records is None else [record.pid for record in records]
    return torch.tensor(pids, dtype=torch.int64)
