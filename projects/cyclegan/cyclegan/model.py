"""CycleGAN: two generators, two discriminators, and the way there and back."""

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

DOMAINS = ('source', 'target')  # loaders


@MODELS.register_module()
class CycleGAN(AdversarialModel):
    """Unpaired image translation (Zhu et al., ICCV 2017).

        x_s --G--> x_s2t --F--> x_s2t2s ~ x_s        F(x_s) ~ x_s
        x_t --F--> x_t2s --G--> x_t2s2t ~ x_t        G(x_t) ~ x_t

    G generates target style and D_t judges it; F generates source style and D_s judges it. The
    generators step first, then the discriminators, which see what the pools show them. The paper's
    half on the discriminators' objective is the weight `D/adv`. It has the identity term only for
    some tasks; re-identification wants it, as it keeps colours.

    Args:
        networks: G, F, D_s, D_t.
        loss_weights: of adv, cycle and identity (0: the images are not translated again).
        pool: config of the ImagePool, one for each discriminator.
        gan_loss: config of the adversarial objective; least squares by default.
    """

    phases = (
        Phase('G', ('G', 'F'), 'generator_losses', reads=DOMAINS),
        Phase('D', ('D_s', 'D_t'), 'discriminator_losses', reads=DOMAINS, detached=True),
    )
    loss_families = ('adv', 'cycle', 'identity')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        pool: dict,
        gan_loss: dict | None = None,
    ):
        super().__init__(networks, loss_weights, SYMMETRIC)
        self.gan = LOSSES.build(gan_loss or dict(type='GANLoss', mode='lsgan'))
        self.pool_s = MEMORIES.build(dict(type='ImagePool') | pool)  # of x_t2s, which D_s judges
        self.pool_t = MEMORIES.build(dict(type='ImagePool') | pool)  # of x_s2t, which D_t judges

    def forward_translation(self, batch) -> Cycle:
        x_s, x_t = batch.source.img, batch.target.img
        return forward_cycle(self.G, self.F, x_s, x_t, identity=self.on('identity'))

    def generator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        return {
            'adv.Dt': self.gan.generator(self.D_t, x.x_s2t, self.rng, real=batch.target.img),
            'adv.Ds': self.gan.generator(self.D_s, x.x_t2s, self.rng, real=batch.source.img),
            **cycle_terms(x, batch.source.img, batch.target.img),
        }

    def discriminator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        x_s2t, x_t2s = self.pool_t(x.x_s2t, self.rng), self.pool_s(x.x_t2s, self.rng)
        return {
            **self.gan.discriminator('Dt', self.D_t, batch.target.img, x_s2t, self.rng),
            **self.gan.discriminator('Ds', self.D_s, batch.source.img, x_t2s, self.rng),
        }

    def translate(self, batch: ImageBatch, to: str, style: int = 0) -> Tensor:
        return translate_with(self.G, self.F, batch.img, to)

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        return cycle_visuals(self.forward_translation(batch), batch.source.img, batch.target.img)

    def check_data(self, datasets, batch_sizes, stages) -> None:
        check_image_sizes(self.pool_t.images.shape[2:], datasets)
