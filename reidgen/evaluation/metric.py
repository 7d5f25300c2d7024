"""ReIDMetric: retrieval metric over features collected batch by batch."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from reidgen.evaluation.identification import (
    RankedRows,
    evaluate,
    evaluate_blocks,
    flagged_lists,
    ranked_lists,
)
from reidgen.evaluation.labels import RetrievalLabels, check_finite
from reidgen.evaluation.matches import check_matches
from reidgen.evaluation.metric_options import (
    check_expansion,
    check_number,
    check_ranks,
    check_rerank,
)
from reidgen.evaluation.protocols import find_protocol
from reidgen.evaluation.query_expansion import alpha_query_expansion
from reidgen.evaluation.rerank import rerank_distances
from reidgen.evaluation.scores import AP_KINDS, RetrievalResult
from reidgen.evaluation.verification import VerificationResult, verify
from reidgen.registry import METRICS
from reidgen.spacing import evenly_spaced
from reidgen.structures import DomainBatch, ImageBatch

LENGTH_SHOWN = 10  # gallery images of a list that is kept to be shown


class Evaluated(NamedTuple):
    """Inputs of the last evaluation, for pictures: N rows in the order of the data set."""

    result: RetrievalResult
    features: Tensor  # (N, D) float32
    pids: Tensor  # (N,) int64
    camids: Tensor  # (N,) int64
    num_query: int  # rows before it are queries, the others gallery
    lists: list[RankedRows]  # of `num_shown` queries, in the order that the scores come from


@METRICS.register_module()
class ReIDMetric(BaseMetric):
    """mAP, rank1, rank5, ... and mINP of a query and a gallery set, in PER CENT (0 to 100).

    The data set's `metainfo` must tell `num_query`: rows before it are queries, the others gallery.
    Its `paths`, if there, name the images in errors. Under the protocol 'all-vs-all' every row is
    both query and gallery, and `num_query` plays no part. `last` is what the last evaluation saw,
    None before the first and on all ranks but the first.

    Args:
        ranks: of the CMC curve, from 1.
        protocol: a name in `protocols.PROTOCOLS`.
        ap: 'standard', 'trapezoid' or 'threshold'.
        expansion: arguments of `query_expansion.alpha_query_expansion`, which then comes first.
        rerank: arguments of `rerank.rerank_distances`, dict() for its defaults; None compares by
            squared Euclidean distance. Not under 'all-vs-all'.
        num_shown: evenly spaced queries whose ranked lists `last` keeps, the first LENGTH_SHOWN
            images of each.

    Raises:
        ValueError: an unknown protocol or ap, ranks that are none, or arguments of expansion or
            rerank that they do not take; once `dataset_meta` is set, a set without query or
            gallery.
    """

    default_prefix = ''  # not None, at which mmengine warns that the prefix is missing

    def __init__(
        self,
        ranks: Sequence[int] = (1, 5, 10),
        protocol: str = 'market1501',
        ap: str = 'standard',
        expansion: dict | None = None,
        rerank: dict | None = None,
        num_shown: int = 0,
    ):
        super().__init__()
        check_ranks(ranks)
        check_number('num_shown', num_shown, 0)
        if ap not in AP_KINDS:
            raise ValueError(f'unknown ap {ap!r}; known: {", ".join(AP_KINDS)}')
        self.protocol = find_protocol(protocol)
        self.ranks = tuple(ranks)
        self.ap = ap
        check_expansion(expansion)
        check_rerank(rerank)
        self.expansion = expansion
        if rerank is not None and self.protocol.one_set:
            raise ValueError(
                f"protocol '{protocol}' compares one set with itself, which re-ranking of queries "
                f'among a gallery does not; leave rerank out'
            )
        self.rerank = rerank
        self.num_shown = num_shown
        self.last: Evaluated | None = None
        self._num_rows: int | None = None

    @property
    def dataset_meta(self) -> dict | None:
        """Metainfo of the data set, checked when set, before the evaluation."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict | None) -> None:
        if meta and 'num_query' in meta and 'paths' in meta:
            self._check_sets(meta, len(meta['paths']))
        self._dataset_meta = meta

    def check_labels(self, pids: Tensor, camids: Tensor) -> None:
        """Raises ValueError where no query of the data set has a match, before any forward.

        Args:
            pids: (N,) int64 of all rows; `camids` (N,) likewise. `dataset_meta` is set before.

        Raises:
            ValueError: no query has a match under the protocol; names the one that would fit.
        """
        meta = self.dataset_meta or {}
        labels = self._labels(meta.get('num_query', 0), pids, camids, None)
        name = meta.get('name') or 'the data set'
        check_matches(labels, self.protocol, name, 'val_evaluator.protocol')

    def process(self, data_batch: ImageBatch | DomainBatch, data_samples: Tensor) -> None:
        """Stores the features of a batch.

        Args:
            data_batch: its pid, camid and index (B,) are read.
            data_samples: (B, D) features, L2-normalised; kept as float32 on the CPU.

        Raises:
            ValueError: the features are not one row an image.
        """
        if data_samples.ndim != 2 or len(data_samples) != len(data_batch.index):
            raise ValueError(
                f'features have shape {tuple(data_samples.shape)} for {len(data_batch.index)} '
                f"images; the model's test mode must return one row (B, D) each"
            )
        # a batch is one item; mmengine keeps at most as many items as there are images, and where
        # that cuts (batches of one on several ranks) it cuts the sampler's padding
        self.results.append(
            (
                data_samples.detach().float().cpu(),
                data_batch.pid.cpu(),
                data_batch.camid.cpu(),
                data_batch.index.cpu(),
            )
        )

    def evaluate(self, size: int) -> dict[str, float]:
        """Scores in per cent, equal on all ranks; `size` is the length of the data set."""
        self._num_rows = size
        try:
            return super().evaluate(size)
        finally:
            self.results.clear()  # rows left by a failure would stand in for the next one's

    def compute_metrics(self, results: list[tuple[Tensor, ...]]) -> dict[str, float]:
        """Scores in per cent from batches in any order; sets `last`.

        Raises:
            RuntimeError: no batch, or images of the data set that none held.
            ValueError: `num_query` is unknown, or as `evaluate`.
        """
        features, pids, camids = self._in_order(results)
        meta = self.dataset_meta or {}
        if 'num_query' not in meta:
            raise ValueError(
                f"the data set's metainfo has no num_query, only: {', '.join(meta) or 'nothing'}; "
                f"evaluate on queries and gallery, split='query+gallery'"
            )
        self._check_sets(meta, len(pids))
        num_query = meta['num_query']
        result, lists = self._evaluate(features, pids, camids, num_query, meta.get('paths'))
        if result.num_skipped:
            print_log(
                f'{result.num_skipped} of {len(result.ap)} queries have no match under protocol '
                f"'{result.protocol}' and are left out of every score",
                'current',
                logging.WARNING,
            )
        self.last = Evaluated(result, features, pids, camids, num_query, lists)
        return {name: 100 * value for name, value in result.summary(self.ranks).items()}

    def verification(self) -> VerificationResult:
        """Error rates of the last evaluation's features, compared as they are: neither expanded nor
        re-ranked.

        Raises:
            RuntimeError: nothing was evaluated so far.
            ValueError: as `verify`.
        """
        if self.last is None:
            raise RuntimeError('nothing was evaluated so far: call evaluate first')
        _, features, pids, camids, num_query, _ = self.last
        labels = self._labels(num_query, pids, camids, None)
        query, gallery = features[: labels.num_query], features[-labels.num_gallery :]
        return verify(query, gallery, labels, self.protocol)

    def _evaluate(
        self,
        features: Tensor,
        pids: Tensor,
        camids: Tensor,
        num_query: int,
        paths: Sequence[str] | None,
    ) -> tuple[RetrievalResult, list[RankedRows]]:
        """Scores, and the ranked lists for drawing."""
        labels = self._labels(num_query, pids, camids, paths)
        query, gallery = features[: labels.num_query], features[-labels.num_gallery :]
        max_rank = max(50, *self.ranks)
        if self.expansion is not None or self.rerank is not None:
            check_finite(features, 'feature', paths)  # here rows have names, later none
        if self.expansion is not None:
            query = alpha_query_expansion(query, gallery, **self.expansion)
        shown = min(self.num_shown, len(query))
        rows = torch.tensor(evenly_spaced(len(query), shown)).long()
        if self.rerank is not None:
            distances = rerank_distances(query, gallery, **self.rerank)
            result = evaluate_blocks(distances, labels, self.protocol, self.ap, max_rank)
            if not shown:
                return result, []
            lists = []
            for part in rows.split(256):
                lists += flagged_lists(distances(part), part, labels, self.protocol, LENGTH_SHOWN)
            return result, lists
        result = evaluate(query, gallery, labels, self.protocol, self.ap, max_rank)
        if not shown:
            return result, []
        lists = ranked_lists(query, gallery, labels, self.protocol, LENGTH_SHOWN, rows.tolist())
        return result, lists

    def _labels(
        self, num_query: int, pids: Tensor, camids: Tensor, paths: Sequence[str] | None
    ) -> RetrievalLabels:
        if self.protocol.one_set:
            return RetrievalLabels.of_one_set(pids, camids, paths)
        return RetrievalLabels.of_split(num_query, pids, camids, paths)

    def _check_sets(self, meta: dict, num_images: int) -> None:
        num_query = meta['num_query']
        if self.protocol.one_set or 0 < num_query < num_images:
            return
        raise ValueError(
            f'{meta.get("name") or "the data set"} has {num_query} queries and '
            f'{num_images - num_query} gallery images to evaluate, and neither may be 0: give the '
            f"data set of val_dataloader split='query+gallery', or compare one set with itself "
            f"with val_evaluator.protocol='all-vs-all'"
        )

    def _in_order(self, results: list[tuple[Tensor, ...]]) -> tuple[Tensor, Tensor, Tensor]:
        """Features (N, D), pids and camids (N,) by row, repeats of padded samplers dropped."""
        if not results:
            raise RuntimeError('nothing to evaluate: no batch was processed; check the val loader')
        features, pids, camids, index = (torch.cat(each) for each in zip(*results))
        num_rows = self._num_rows if self._num_rows is not None else int(index.max()) + 1
        outside = index[(index < 0) | (index >= num_rows)]
        if len(outside):
            raise RuntimeError(
                f'row {int(outside[0])} came from a data set of {num_rows} images; '
                f'index must be the row in the list of the evaluated split'
            )
        rows, first = np.unique(index.numpy(), return_index=True)  # sorted, the first of repeats
        missing = np.setdiff1d(np.arange(num_rows), rows).tolist()
        if missing:
            raise RuntimeError(
                f'{len(missing)} of {num_rows} images were never processed (rows {missing[:5]}'
                f'{" ..." if len(missing) > 5 else ""}); the val loader must not drop its last '
                f'batch, and its sampler must visit every image'
            )
        return features[first], pids[first], camids[first]
