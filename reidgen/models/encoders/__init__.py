"""Networks that read images and pose maps."""

from reidgen.models.encoders.classifier import IdentityClassifier
from reidgen.models.encoders.content import ContentEncoder
from reidgen.models.encoders.pose import PoseEncoder
from reidgen.models.encoders.structure import StructureEncoder

__all__ = ['ContentEncoder', 'IdentityClassifier', 'PoseEncoder', 'StructureEncoder']
