"""Encoders of images and pose maps."""

from reidgen.models.encoders.classifier import DomainClassifier, EmbeddingHead, IdentityClassifier
from reidgen.models.encoders.colour import ColorHistogram
from reidgen.models.encoders.content import ContentEncoder
from reidgen.models.encoders.pose import PoseEncoder
from reidgen.models.encoders.structure import StructureEncoder

__all__ = [
    'ColorHistogram',
    'ContentEncoder',
    'DomainClassifier',
    'EmbeddingHead',
    'IdentityClassifier',
    'PoseEncoder',
    'StructureEncoder',
]
