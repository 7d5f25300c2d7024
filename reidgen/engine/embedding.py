"""Features of data sets, with batch-norm statistics of unlabelled images too (AdaBN)."""

import torch
from mmengine.dist import all_gather, get_world_size
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.evaluation.adabn import adabn_parts, adapted_batch_norm
from reidgen.models.adversarial import AdversarialModel

from .loaders import Rows, rank_loader, statistics_loader
from .progress import progress


@torch.no_grad()
def embed_dataset(model, dataset: Dataset, batch_size: int = 128, what: str = 'embed') -> Tensor:
    """L2-normalised eval-mode features (N, D) of a data set in order, on every rank."""
    was_training = model.training
    model.eval()
    found = [model.val_step(batch) for batch in progress(rank_loader(dataset, batch_size), what)]
    if not found:  # fewer images than processes: no row, but of the width of the others'
        found = [model.val_step(default_collate([dataset.plain()[0]]))[:0]]
    features = torch.cat(found)
    model.train(was_training)
    world_size = get_world_size()
    if world_size == 1:
        return features
    rows = -(-len(dataset) // world_size)  # the most rows of a rank
    padded = torch.zeros(rows, features.shape[1], device=features.device)
    padded[: len(features)] = features
    gathered = torch.stack(all_gather(padded), dim=1)  # rank r held rows r, r + W, ...
    return gathered.flatten(0, 1)[: len(dataset)]


def embed_adapted(
    model: AdversarialModel,
    dataset: ReIDDataset,
    by: str,
    batch_size: int = 128,
    what: str = 'embed',
    statistics: ReIDDataset | None = None,
) -> Tensor:
    """L2-normalised features (N, D) of a data set in order, on every rank; the model stays as it
    was.

    Args:
        by: as in `adabn_parts`, 'domain' or 'camera'.
        what: is told of the progress.
        statistics: images that the statistics are those of; None: the same ones.

    Raises:
        ValueError: as `adabn_parts` and `reestimate_batch_norm`.
    """
    training = dataset if statistics is None else statistics
    features: Tensor | None = None
    for part in adabn_parts(dataset.camids, training.camids, by):
        loader = statistics_loader(training, part.statistics, batch_size)
        images = (
            model.data_preprocessor(batch).img
            for batch in progress(loader, 're-estimate batch norm')
        )
        with adapted_batch_norm(model.retrieval_encoder, images):
            found = embed_dataset(model, Rows(dataset, part.rows), batch_size, what)
        if features is None:
            features = found.new_empty(len(dataset), found.shape[1])
        features[part.rows] = found
    assert features is not None, 'a data set has images'
    return features
