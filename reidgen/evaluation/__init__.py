"""Scores of retrieval: CMC, mAP and mINP; AdaBN as a baseline of adaptation."""

from reidgen.evaluation.adabn import adapted_batch_norm
from reidgen.evaluation.metric import ReIDMetric
from reidgen.evaluation.protocols import PROTOCOLS, Protocol
from reidgen.evaluation.retrieval import (
    evaluate,
    evaluate_blocks,
    evaluate_distances,
    ranked_lists,
)
from reidgen.evaluation.scores import RetrievalResult

__all__ = [
    'PROTOCOLS',
    'Protocol',
    'ReIDMetric',
    'RetrievalResult',
    'adapted_batch_norm',
    'evaluate',
    'evaluate_blocks',
    'evaluate_distances',
    'ranked_lists',
]
