"""Scores of retrieval: CMC, mAP and mINP; AdaBN as a baseline of adaptation."""

from reidgen.evaluation.metric import ReIDMetric

__all__ = ['ReIDMetric']
