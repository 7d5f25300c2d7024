"""Translation with cycle consistency between two domains: base of CycleGAN, SPGAN and PTGAN."""

from typing import NamedTuple

import torch.nn.functional as nnf
from torch import Tensor

from reidgen.choices import one_of
from reidgen.registry import LOSSES, MEMORIES, build
from reidgen.structures import ImageBatch

from .adversarial import AdversarialModel
from .data_checks import check_discriminated_size, image_size
from .phases import Phase
from .preprocessor import SYMMETRIC


class Cycle(NamedTuple):
    """Translations and reconstructions of a batch by G and F, (B, 3, H, W) each."""

    x_s2t: Tensor  # G(x_s)
    x_t2s: Tensor  # F(x_t)
    x_s2t2s: Tensor  # F(G(x_s)) ~ x_s
    x_t2s2t: Tensor  # G(F(x_t)) ~ x_t
    x_s2s: Tensor | None  # F(x_s) ~ x_s; None where the term `idt` is off
    x_t2t: Tensor | None  # G(x_t) ~ x_t


def l1(image: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference in float32, 0-d."""
    return nnf.l1_loss(image.float(), target.float())


class CycleTranslation(AdversarialModel):
    """Unpaired image translation with cycle consistency (Zhu et al., ICCV 2017).

        x_s --G--> x_s2t --F--> x_s2t2s ~ x_s        F(x_s) ~ x_s
        x_t --F--> x_t2s --G--> x_t2s2t ~ x_t        G(x_t) ~ x_t

    G generates target style against D_t, F source style against D_s. The generators step first,
    then the discriminators, on images of the pools. The paper's half on the discriminators'
    objective is the weight `D/adv`. The identity term `idt`, which the paper has for some tasks
    only, keeps colours.

    Args:
        networks: G, F, D_s, D_t.
        loss_weights: of adv, cycle and idt (0: x_s2s and x_t2t are not computed).
        pool: config of the ImagePool, one for each discriminator.
        gan_loss: config of the adversarial objective; least squares by default.
    """

    loss_families = ('adv', 'cycle', 'idt')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        pool: dict,
        gan_loss: dict | None = None,
    ):
        super().__init__(networks, loss_weights, SYMMETRIC)
        self.gan = build(gan_loss or dict(type='GANLoss', mode='lsgan'), LOSSES)
        self.pool_s = build(dict(type='ImagePool') | pool, MEMORIES)  # of x_t2s, for D_s
        self.pool_t = build(dict(type='ImagePool') | pool, MEMORIES)  # of x_s2t, for D_t

    def phases(self) -> tuple[Phase, ...]:
        both = (self.forward_translation, ('source', 'target'))
        return (
            Phase('G', ('G', 'F'), self.generator_losses, *both),
            Phase('D', ('D_s', 'D_t'), self.discriminator_losses, *both, detached=True),
        )

    def forward_translation(self, batch) -> Cycle:
        x_s, x_t = batch.source.img, batch.target.img
        x_s2t, x_t2s = self.G(x_s), self.F(x_t)
        x_s2t2s, x_t2s2t = self.F(x_s2t), self.G(x_t2s)
        if not self.on('idt'):
            return Cycle(x_s2t, x_t2s, x_s2t2s, x_t2s2t, None, None)
        return Cycle(x_s2t, x_t2s, x_s2t2s, x_t2s2t, self.F(x_s), self.G(x_t))

    def generator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        x_s, x_t = batch.source.img, batch.target.img
        losses = {
            'adv.Dt': self.gan.generator(self.D_t, x.x_s2t, real=x_t, rng=self.rng),
            'adv.Ds': self.gan.generator(self.D_s, x.x_t2s, real=x_s, rng=self.rng),
            'cycle.s2t2s': l1(x.x_s2t2s, x_s),
            'cycle.t2s2t': l1(x.x_t2s2t, x_t),
        }
        if x.x_s2s is not None and x.x_t2t is not None:
            losses |= {'idt.s2s': l1(x.x_s2s, x_s), 'idt.t2t': l1(x.x_t2t, x_t)}
        return losses

    def discriminator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        x_s2t, x_t2s = self.pool_t(x.x_s2t, rng=self.rng), self.pool_s(x.x_t2s, rng=self.rng)
        return {
            **self.gan.discriminator('Dt', self.D_t, batch.target.img, x_s2t, rng=self.rng),
            **self.gan.discriminator('Ds', self.D_s, batch.source.img, x_t2s, rng=self.rng),
        }

    def translate(self, batch: ImageBatch, to: str, style: int = 0) -> Tensor:
        one_of(to, ('source', 'target'), 'the domain to translate to')
        return self.G(batch.img) if to == 'target' else self.F(batch.img)

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        x = self.forward_translation(batch)
        return [
            ('x_s', batch.source.img),
            ('x_s2t', x.x_s2t),
            ('x_s2t2s', x.x_s2t2s),
            ('x_t', batch.target.img),
            ('x_t2s', x.x_t2s),
            ('x_t2s2t', x.x_t2s2t),
        ]

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        x_s, x_t = batch.source.img, batch.target.img
        return {'s2t': (self.G(x_s), x_t), 't2s': (self.F(x_t), x_s)}

    def check_data(self, datasets, batch_sizes, stages) -> None:
        check_discriminated_size(self, *self.pool_t.images.shape[2:])
        pool_size = tuple(self.pool_t.images.shape[2:])
        for name, dataset in datasets.items():
            size = image_size(dataset)
            if size != pool_size:
                raise ValueError(
                    f'model.pool.image_size is {pool_size} but the images of the loader {name} are '
                    f'{size} after their transforms; make them equal'
                )
