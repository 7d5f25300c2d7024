"""Measures of an encoder on images that nobody has labelled, and of translated labelled ones."""

from typing import Any, NamedTuple

import torch
from sklearn.metrics import silhouette_score
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.engine.embedding import embed_adapted, embed_dataset
from reidgen.engine.progress import progress
from reidgen.engine.translation import ModelTranslator
from reidgen.evaluation.identification import evaluate
from reidgen.evaluation.labels import RetrievalLabels
from reidgen.evaluation.neighbours import nearest_neighbours
from reidgen.memory.clustering import Clusters
from reidgen.models.adversarial import AdversarialModel
from reidgen.structures import ImageBatch

MOST_TRANSLATED = 512  # images of the source, evenly spaced


class Separation(NamedTuple):
    """How an encoder groups images of unknown persons, each number without labels."""

    images: int
    clusters: int
    sizes: list[int]  # images of each cluster, the largest first
    outliers: int
    silhouette: float | None  # -1 to 1, of the images in clusters; None for fewer than two clusters
    across_cameras: float | None  # share of clusters with images of two cameras and more


class Agreement(NamedTuple):
    """Whether an encoder finds the original of a translated image among the sampled source images,
    shares from 0 to 1."""

    images: int  # sampled
    original: float  # nearest of these source images is the original
    person: float  # nearest of these source images is of the same person
    chance_original: float
    chance_person: float


def separation(features: Tensor, found: Clusters, camids: Tensor) -> Separation:
    """Numbers of a clustering of unit features.

    The silhouette (Rousseeuw, J. Comput. Appl. Math. 1987) is that of cosine distances.

    Args:
        features: (N, D), rows L2-normalised.
        camids: (N,) cameras.
    """
    labels = found.labels
    inside = labels >= 0
    sizes = sorted(labels[inside].unique(return_counts=True)[1].tolist(), reverse=True)
    silhouette = None
    if 2 <= len(sizes) < int(inside.sum()):
        rows = features[inside].cpu().double().numpy()
        silhouette = float(silhouette_score(rows, labels[inside].numpy(), metric='cosine'))
    across = None
    if len(camids.unique()) > 1 and sizes:
        spans = [len(camids[labels == number].unique()) > 1 for number in range(len(sizes))]
        across = sum(spans) / len(spans)
    return Separation(len(labels), len(sizes), sizes, found.num_outliers, silhouette, across)


def agreement(translated: Tensor, originals: Tensor, pids: Tensor) -> Agreement:
    """Agreement of translated images with their originals.

    Args:
        translated, originals: (N, D) features, row i of both is of image i.
        pids: (N,) identities.
    """
    index = nearest_neighbours(translated, originals, 1).index[:, 0]
    num = len(pids)
    same = pids[:, None] == pids[None]
    return Agreement(
        images=num,
        original=float((index == torch.arange(num)).double().mean()),
        person=float((pids[index] == pids).double().mean()),
        chance_original=1 / num,
        chance_person=float(same.double().mean()),
    )


def evenly_spaced(dataset: ReIDDataset, most: int = MOST_TRANSLATED) -> list[int]:
    """Rows of a data set, evenly spaced, at most so many."""
    num = min(most, len(dataset))
    return [number * len(dataset) // num for number in range(num)]


def translated_images(
    model: AdversarialModel, dataset: ReIDDataset, rows: list[int], batch_size: int = 32
) -> Tensor:
    """(len(rows), 3, H, W) uint8 images of a source in the style of the target."""
    translator = ModelTranslator(model, 'target')
    loader = DataLoader(Subset(dataset.plain(maps=True), rows), batch_size)
    found = [translator(raw, 0) for raw in progress(loader, 'translate')]
    return torch.cat(found).permute(0, 3, 1, 2).contiguous()


def original_images(dataset: ReIDDataset, rows: list[int], batch_size: int = 32) -> Tensor:
    """(len(rows), 3, H, W) uint8 images of a source without augmentation; no other is read."""
    loader = DataLoader(Subset(dataset.plain(), rows), batch_size)
    return torch.cat([batch.img for batch in loader])


def embed_images(model: AdversarialModel, images: Tensor, batch_size: int = 64) -> Tensor:
    """Features (N, D) on the CPU of images (N, 3, H, W) uint8 at the model's size."""
    found = []
    for part in images.split(batch_size):
        none = torch.full((len(part),), -1)
        found.append(model.val_step(ImageBatch(part, none, none, none)).cpu())
    return torch.cat(found)


def embed_rows(model: AdversarialModel, dataset: ReIDDataset) -> Tensor:
    """Features (N, D) on the CPU of a data set's images."""
    return embed_dataset(model, dataset, what=f'embed {dataset.name}').cpu()


def embed_target(model: AdversarialModel, dataset: ReIDDataset, by: str | None) -> Tensor:
    """Features (N, D) on the CPU of the target's images.

    Args:
        by: with batch-norm statistics of their own, as in `embed_adapted`; None: of the model.
    """
    if by is None:
        return embed_rows(model, dataset)
    return embed_adapted(model, dataset, by, what=f'embed {dataset.name}').cpu()


def source_scores(model: AdversarialModel, test: ReIDDataset, protocol: str) -> dict[str, Any]:
    """Scores in per cent on the source's own query and gallery, for what was lost there."""
    features, num = embed_rows(model, test), test.metainfo['num_query']
    found = evaluate(features[:num], features[num:], retrieval_labels(test), protocol=protocol)
    return {key: 100 * value for key, value in found.summary((1,)).items()}


def retrieval_labels(test: ReIDDataset) -> RetrievalLabels:
    """Labels of a data set of queries and gallery."""
    num = test.metainfo['num_query']
    return RetrievalLabels(test.pids[:num], test.pids[num:], test.camids[:num], test.camids[num:])
