"""Exchange of appearance codes between the images of a batch."""

from torch import Tensor

from reidgen.engine.translation import ModelTranslator
from reidgen.models import AdversarialModel
from reidgen.models.cross_domain_checks import other_domain
from reidgen.models.cross_domain_gcl import CrossDomainGCL
from reidgen.structures import Code, DomainBatch


class CodeSwap(ModelTranslator):
    """Images of a batch with the appearance of the image before it (Zheng et al., DG-Net, CVPR
    2019, eq. 4: structure of one, appearance of the other).

    Structure is the pose code (E_p), appearance the content code (E_c); the decoder is that of the
    domain. What else than clothes changes place is up to what the codes have learned to hold.

    Raises:
        ValueError: the model has no such codes.
    """

    def __init__(self, model: AdversarialModel, to: str):
        if not isinstance(model, CrossDomainGCL):
            raise ValueError(
                f'{type(model).__name__} has no separate codes of structure and appearance; swap '
                f'with a CrossDomainGCL, such as configs/gcl_mot2pets.py trains'
            )
        super().__init__(model, to)

    def translated(self, raw: DomainBatch, style: int) -> Tensor:
        model = self.model
        batch = model.data_preprocessor(raw)
        pose = model.encode_pose(batch, other_domain(self.to))
        code = model.E_c(batch.img)
        return model.decoder(self.to, batch)(pose, Code(*(part.roll(1, 0) for part in code)))
