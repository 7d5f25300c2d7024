"""Scores of retrieval and verification; query expansion; AdaBN as a baseline of adaptation."""

from reidgen.evaluation.adabn import adapted_batch_norm
from reidgen.evaluation.calibration import Calibration, calibrate
from reidgen.evaluation.cameras import CameraTable, evaluate_camera_pairs
from reidgen.evaluation.identification import (
    evaluate,
    evaluate_blocks,
    evaluate_distances,
    ranked_lists,
)
from reidgen.evaluation.labels import RetrievalLabels
from reidgen.evaluation.matches import check_matches, fitting_protocols, queries_with_match
from reidgen.evaluation.metric import ReIDMetric
from reidgen.evaluation.multi_query import multi_query
from reidgen.evaluation.protocols import PROTOCOLS, Protocol
from reidgen.evaluation.query_expansion import alpha_query_expansion, database_augmentation
from reidgen.evaluation.scores import RetrievalResult
from reidgen.evaluation.verification import VerificationResult, verify, verify_distances

__all__ = [
    'PROTOCOLS',
    'Calibration',
    'CameraTable',
    'Protocol',
    'ReIDMetric',
    'RetrievalLabels',
    'RetrievalResult',
    'VerificationResult',
    'adapted_batch_norm',
    'alpha_query_expansion',
    'calibrate',
    'check_matches',
    'database_augmentation',
    'evaluate',
    'evaluate_blocks',
    'evaluate_camera_pairs',
    'evaluate_distances',
    'fitting_protocols',
    'multi_query',
    'queries_with_match',
    'ranked_lists',
    'verify',
    'verify_distances',
]
