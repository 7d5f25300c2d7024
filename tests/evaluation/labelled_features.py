"""Features and labels to rank: on a line, where distances are plain, and at random."""

import torch

from reidgen.evaluation.identification import evaluate
from reidgen.evaluation.labels import RetrievalLabels

NAN = float('nan')


def on_a_line(places):
    """(N, 1) features whose distances are plain: the query of the tests stands at 0."""
    return torch.tensor(places, dtype=torch.float32)[:, None]


def score(query_features, gallery_features, query_labels, gallery_labels, **kwargs):
    """`evaluate` with labels as lists of (pid, camid)."""
    query_pids, query_camids = zip(*query_labels)
    gallery_pids, gallery_camids = zip(*gallery_labels)
    return evaluate(
        query_features,
        gallery_features,
        RetrievalLabels(query_pids, gallery_pids, query_camids, gallery_camids),
        **kwargs,
    )


def random_labels(num_query, num_gallery, num_pids, seed=0, num_cams=3):
    generator = torch.Generator().manual_seed(seed)

    def integers(low, high, count):
        return torch.randint(low, high, (count,), generator=generator)

    return (
        integers(0, num_pids, num_query),
        integers(-1, num_pids, num_gallery),
        integers(0, num_cams, num_query),
        integers(0, num_cams, num_gallery),
    )


def normal(count, dim, seed):
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))
