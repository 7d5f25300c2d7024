"""Diagnosis of adversarial trainings from what they log; numbers in, codes and a verdict out."""

from .codes import CODES, Code, Thresholds
from .objectives import Objective, objective_of
from .record import Fired, GANRecord

__all__ = ['CODES', 'Code', 'Fired', 'GANRecord', 'Objective', 'Thresholds', 'objective_of']
