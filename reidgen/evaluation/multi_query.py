"""Multi-query evaluation: one feature for all images of a person in a camera."""

import torch
from torch import Tensor
from torch.nn import functional as nnf

from reidgen.evaluation.distances import CHUNK
from reidgen.evaluation.labels import Array, as_integers, as_matrix, check_finite


def multi_query(
    query_pids: Array, query_camids: Array, features: Array, pids: Array, camids: Array
) -> Tensor:
    """Features (Q, D) for `evaluate`: means by the query's person and camera, L2-normalised.

    Market-1501's protocol (Zheng et al., ICCV 2015), whose images for it are in `gt_bbox`.

    Args:
        query_pids: (Q,) integers; `query_camids` (Q,) likewise.
        features: (N, D) of the images to average, L2-normalised.
        pids: (N,) integers of these; `camids` (N,) likewise.

    Raises:
        ValueError: numbers that do not fit, NaN or Inf, or a query none of whose person's images is
            by its camera.
    """
    features = as_matrix(features, 'multi-query')
    check_finite(features, 'multi-query')

    def keys(**labels: Array) -> Tensor:
        numbers = [as_integers(each, name) for name, each in labels.items()]
        if len(numbers[0]) != len(numbers[1]):
            counts = ' and '.join(f'{len(each)} {name}' for name, each in zip(labels, numbers))
            raise ValueError(f'{counts}: give one each for every image')
        return torch.stack(numbers, dim=1).to(features.device)

    wanted = keys(query_pids=query_pids, query_camids=query_camids)
    offered = keys(pids=pids, camids=camids)
    if len(offered) != len(features):
        raise ValueError(f'{len(offered)} labels for {len(features)} features: give one each')
    groups, group = torch.cat([wanted, offered]).unique(dim=0, return_inverse=True)
    asked, group = group[: len(wanted)], group[len(wanted) :]
    number = torch.bincount(group, minlength=len(groups))
    missing = (number[asked] == 0).nonzero().flatten().tolist()
    if missing:
        pid, camid = wanted[missing[0]].tolist()
        raise ValueError(
            f'{len(missing)} of {len(wanted)} queries have no image to average, first row '
            f'{missing[0]} (pid {pid}, camid {camid}); give the images of gt_bbox, or the queries '
            f'themselves among them'
        )
    total = features.new_zeros(len(groups), features.shape[1], dtype=torch.float64)
    for rows in torch.arange(len(features), device=features.device).split(CHUNK):
        total.index_add_(0, group[rows], features[rows].double())
    # the length is normalised away, so the sum does for the mean
    return nnf.normalize(total, dim=1).to(features.dtype)[asked]
