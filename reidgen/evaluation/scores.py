"""AP, CMC and INP from the ranks of the matches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AP_KINDS = ('standard', 'trapezoid', 'threshold')


@dataclass(frozen=True, eq=False)
class RetrievalResult:
    """Retrieval scores in [0, 1] over the queries with at least one match."""

    mAP: float
    cmc: np.ndarray  # (max_rank,) float64, rank 1 first; constant beyond the end of the gallery
    mINP: float  # mean of R / rank of the last match (Ye et al., TPAMI 2021)
    ap: np.ndarray  # (Q,) float64, NaN where the query was skipped
    first_match: np.ndarray  # (Q,) float64 rank of the first match, NaN where skipped
    num_queries: int  # counted
    num_skipped: int  # without a match: in no mean
    protocol: str
    ap_kind: str
    description: str  # of the protocol

    def summary(self, ranks: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
        """Summary of mAP, rank1, rank5, ... and mINP as fractions.

        Raises:
            ValueError: a rank is not between 1 and `max_rank`.
        """
        outside = [rank for rank in ranks if not 1 <= rank <= len(self.cmc)]
        if outside:
            raise ValueError(
                f'ranks {outside} are not within 1..{len(self.cmc)}; '
                f'evaluate with max_rank={max(ranks)} or ask for other ranks'
            )
        return {
            'mAP': self.mAP,
            **{f'rank{rank}': float(self.cmc[rank - 1]) for rank in ranks},
            'mINP': self.mINP,
        }

    def __str__(self) -> str:
        ranks = [rank for rank in (1, 5, 10) if rank <= len(self.cmc)]
        scores = ', '.join(
            f'{name} {100 * value:.2f}' for name, value in self.summary(ranks).items()
        )
        return (
            f'{scores} per cent over {self.num_queries} queries ({self.num_skipped} without a '
            f"match); protocol '{self.protocol}': {self.description}; AP '{self.ap_kind}'"
        )


def score(
    query: np.ndarray,
    rank: np.ndarray,
    num_queries: int,
    ap: str,
    precision: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """AP, rank of the first match and INP of each query, (Q,) each; NaN without a match.

    Args:
        query: (M,) the query of each match, ascending.
        rank: (M,) its rank from 1, ascending within a query.
        precision: (M,) at the threshold of each match, for ap='threshold'.
    """
    num_matches = np.bincount(query, minlength=num_queries)  # (Q,) R of each
    start = num_matches.cumsum() - num_matches
    found = np.arange(len(query)) - start[query] + 1  # i of i / rank_i
    if ap != 'threshold':
        precision = found / rank
    if ap == 'trapezoid':
        before = np.where(rank == 1, 1.0, (found - 1) / np.maximum(rank - 1, 1))
        precision = (before + precision) / 2
    scores = np.full((3, num_queries), np.nan)
    has = num_matches > 0
    scores[0, has] = np.bincount(query, precision, num_queries)[has] / num_matches[has]
    scores[1, has] = rank[start[has]]
    scores[2, has] = num_matches[has] / rank[start[has] + num_matches[has] - 1]
    return scores[0], scores[1], scores[2]
