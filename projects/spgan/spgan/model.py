"""SPGAN: CycleGAN with a siamese network under a contrastive loss."""

import torch
from torch import Tensor

from reidgen.models import CycleTranslation, Phase
from reidgen.models.cycle import Cycle
from reidgen.registry import LOSSES, MODELS, build

from .contrast import Embedded


@MODELS.register_module()
class SPGAN(CycleTranslation):
    """Similarity-preserving translation (Deng et al., CVPR 2018).

        x_s --G--> x_s2t --F--> x_s2t2s ~ x_s        F(x_s) ~ x_s
        x_t --F--> x_t2s --G--> x_t2s2t ~ x_t        G(x_t) ~ x_t
        M: x_s near x_s2t, x_t near x_t2s; x_s2t far from x_t, x_t2s far from x_s

    M embeds all four. An iteration steps the generators, then the discriminators on images of the
    pools, then M on the same translations; M keeps its dropout wherever it is used.

    Args:
        networks: G, F, D_s, D_t and M, a SiaNet.
        loss_weights: of adv, cycle, idt and con; `con` is the generators' weight of the
            contrastive loss, `M/con` that of M itself.
        pool: config of the ImagePool, one for each discriminator.
        contrast: config of the SiameseContrast.
        gan_loss: config of the adversarial objective; least squares by default.
        g_every: the generators step in the last of every so many iterations only.
    """

    loss_families = (*CycleTranslation.loss_families, 'con')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        pool: dict,
        contrast: dict | None = None,
        gan_loss: dict | None = None,
        g_every: int = 1,
    ):
        super().__init__(networks, loss_weights, pool, gan_loss)
        self.contrast = build(dict(type='SiameseContrast') | (contrast or {}), LOSSES)
        self.g_every = g_every

    def phases(self) -> tuple[Phase, ...]:
        both = dict(forward=self.forward_translation, reads=('source', 'target'))
        return (
            Phase('G', ('G', 'F'), self.generator_losses, **both, every=self.g_every),
            Phase('D', ('D_s', 'D_t'), self.discriminator_losses, **both, detached=True),
            Phase('M', ('M',), self.siamese_losses, **both, detached=True),
        )

    def generator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        losses = super().generator_losses(batch, x)
        if self.on('con'):
            images = batch.source.img, batch.target.img, x.x_s2t, x.x_t2s
            losses['con'] = self.contrast.generators(self._embedded(*images))
        return losses

    def siamese_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        e = self._embedded(batch.source.img, batch.target.img, x.x_s2t.detach(), x.x_t2s.detach())
        return {
            'con': self.contrast.siamese(e),
            'stat.distance.translated': (e.s - e.s2t).detach().norm(dim=1).mean(),
            'stat.distance.others': (e.s - e.t).detach().norm(dim=1).mean(),
        }

    def check_data(self, datasets, batch_sizes, stages) -> None:
        super().check_data(datasets, batch_sizes, stages)
        if len(set(batch_sizes.values())) > 1:
            raise ValueError(
                f'the contrastive loss pairs source and target images row by row, but the batches '
                f'have {batch_sizes}; make them equal'
            )

    def _embedded(self, *images: Tensor) -> Embedded:
        """Embeddings in the order of Embedded, from one pass, as M has no batch norm."""
        return Embedded(*self.M(torch.cat(images)).chunk(len(images)))
