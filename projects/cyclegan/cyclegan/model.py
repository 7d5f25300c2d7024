"""CycleGAN: unpaired translation with cycle consistency."""

from reidgen.models import CycleTranslation
from reidgen.registry import MODELS


@MODELS.register_module()
class CycleGAN(CycleTranslation):
    """Unpaired image translation (Zhu et al., ICCV 2017), `CycleTranslation` without additions."""
