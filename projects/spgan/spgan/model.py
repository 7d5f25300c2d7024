"""SPGAN: CycleGAN, and a siamese network that both keeps and separates."""

from dataclasses import replace

import torch
from torch import Tensor

from reidgen.models import AdversarialModel, Phase
from reidgen.models.cycle import (
    SYMMETRIC,
    Cycle,
    check_image_sizes,
    cycle_terms,
    cycle_visuals,
    forward_cycle,
    translate_with,
)
from reidgen.registry import LOSSES, MEMORIES, MODELS
from reidgen.structures import ImageBatch

from .contrast import Embedded

DOMAINS = ('source', 'target')  # loaders


@MODELS.register_module()
class SPGAN(AdversarialModel):
    """Similarity-preserving translation (Deng et al., CVPR 2018).

        x_s --G--> x_s2t --F--> x_s2t2s ~ x_s        F(x_s) ~ x_s
        x_t --F--> x_t2s --G--> x_t2s2t ~ x_t        G(x_t) ~ x_t
        M: x_s near x_s2t, x_t near x_t2s; x_s2t far from x_t, x_t2s far from x_s

    G generates target style and D_t judges it; F generates source style and D_s judges it; M embeds
    all four. An iteration steps the generators, then the discriminators on what the pools show,
    then M on the same translations; M keeps its dropout wherever it is used.

    Args:
        networks: G, F, D_s, D_t and M, a SiaNet.
        loss_weights: of adv, cycle, identity and con; `con` is the generators' weight of the
            contrastive loss, `M/con` that of M itself.
        pool: config of the ImagePool, one for each discriminator.
        contrast: config of the SiameseContrast.
        gan_loss: config of the adversarial objective; least squares by default.
        g_every: the generators step in the last of every so many iterations only.
    """

    phases = (
        Phase('G', ('G', 'F'), 'generator_losses', reads=DOMAINS),
        Phase('D', ('D_s', 'D_t'), 'discriminator_losses', reads=DOMAINS, detached=True),
        Phase('M', ('M',), 'siamese_losses', reads=DOMAINS, detached=True),
    )
    loss_families = ('adv', 'cycle', 'identity', 'con')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        pool: dict,
        contrast: dict | None = None,
        gan_loss: dict | None = None,
        g_every: int = 1,
    ):
        generators, *others = self.phases
        self.phases = (replace(generators, every=g_every), *others)
        super().__init__(networks, loss_weights, SYMMETRIC)
        self.gan = LOSSES.build(gan_loss or dict(type='GANLoss', mode='lsgan'))
        self.contrast = LOSSES.build(dict(type='SiameseContrast') | (contrast or {}))
        self.pool_s = MEMORIES.build(dict(type='ImagePool') | pool)  # of x_t2s, which D_s judges
        self.pool_t = MEMORIES.build(dict(type='ImagePool') | pool)  # of x_s2t, which D_t judges

    def forward_translation(self, batch) -> Cycle:
        x_s, x_t = batch.source.img, batch.target.img
        return forward_cycle(self.G, self.F, x_s, x_t, identity=self.on('identity'))

    def generator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        x_s, x_t = batch.source.img, batch.target.img
        losses = {
            'adv.Dt': self.gan.generator(self.D_t, x.x_s2t, self.rng, real=x_t),
            'adv.Ds': self.gan.generator(self.D_s, x.x_t2s, self.rng, real=x_s),
            **cycle_terms(x, x_s, x_t),
        }
        if self.on('con'):
            losses['con'] = self.contrast.generators(self._embedded(x_s, x_t, x.x_s2t, x.x_t2s))
        return losses

    def discriminator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        x_s2t, x_t2s = self.pool_t(x.x_s2t, self.rng), self.pool_s(x.x_t2s, self.rng)
        return {
            **self.gan.discriminator('Dt', self.D_t, batch.target.img, x_s2t, self.rng),
            **self.gan.discriminator('Ds', self.D_s, batch.source.img, x_t2s, self.rng),
        }

    def siamese_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        e = self._embedded(batch.source.img, batch.target.img, x.x_s2t.detach(), x.x_t2s.detach())
        return {
            'con': self.contrast.siamese(e),
            'stat.distance.translated': (e.s - e.s2t).detach().norm(dim=1).mean(),
            'stat.distance.others': (e.s - e.t).detach().norm(dim=1).mean(),
        }

    def translate(self, batch: ImageBatch, to: str, style: int = 0) -> Tensor:
        return translate_with(self.G, self.F, batch.img, to)

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        return cycle_visuals(self.forward_translation(batch), batch.source.img, batch.target.img)

    def check_data(self, datasets, batch_sizes, stages) -> None:
        check_image_sizes(self.pool_t.images.shape[2:], datasets)
        if len(set(batch_sizes.values())) > 1:
            raise ValueError(
                f'the contrastive loss pairs source and target images row by row, but the batches '
                f'have {batch_sizes}; make them equal'
            )

    def _embedded(self, *images: Tensor) -> Embedded:
        """Embeddings in the order of Embedded, of one pass: M has no batch norm."""
        return Embedded(*self.M(torch.cat(images)).chunk(len(images)))
