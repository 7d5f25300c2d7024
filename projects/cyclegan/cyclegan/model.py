"""CycleGAN: two generators, two discriminators, and the way there and back."""

from reidgen.models import CycleTranslation
from reidgen.registry import MODELS


@MODELS.register_module()
class CycleGAN(CycleTranslation):
    """Unpaired image translation (Zhu et al., ICCV 2017): `CycleTranslation`, and no more."""
