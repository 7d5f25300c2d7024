"""CycleGAN: two generators, two critics, and the way there and back."""

from torch import Tensor

from reidgen.models import AdversarialModel, Phase
from reidgen.models.cycle import (
    SYMMETRIC,
    Cycle,
    check_image_sizes,
    cycle_panel,
    cycle_terms,
    paint_with,
    translate_cycle,
)
from reidgen.registry import LOSSES, MEMORIES, MODELS
from reidgen.structures import ImageBatch

DOMAINS = ('source', 'target')  # loaders


@MODELS.register_module()
class CycleGAN(AdversarialModel):
    """Unpaired image translation (Zhu et al., ICCV 2017).

        x_s --G--> x_s2t --F--> x_s2t2s ~ x_s        F(x_s) ~ x_s
        x_t --F--> x_t2s --G--> x_t2s2t ~ x_t        G(x_t) ~ x_t

    G paints target style and D_t judges it; F paints source style and D_s judges it. The
    generators step first, then the critics, which see what the pools show them. The paper's half
    on the critics' objective is the weight `D/adv`. It has the identity term only for some tasks;
    re-identification wants it, as it keeps colours.

    Args:
        networks: G, F, D_s, D_t.
        loss_weights: of adv, cycle and identity (0: the images are not repainted).
        pool: config of the ImagePool, one for each critic.
        gan_loss: config of the adversarial objective; least squares by default.
    """

    phases = (
        Phase('G', ('G', 'F'), 'generator_losses', reads=DOMAINS),
        Phase('D', ('D_s', 'D_t'), 'critic_losses', reads=DOMAINS, detached=True),
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

    def translate(self, batch) -> Cycle:
        x_s, x_t = batch.source.img, batch.target.img
        return translate_cycle(self.G, self.F, x_s, x_t, identity=self.on('identity'))

    def generator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        return {
            'adv.Dt': self.gan.generator(self.D_t, x.x_s2t, self.draws, real=batch.target.img),
            'adv.Ds': self.gan.generator(self.D_s, x.x_t2s, self.draws, real=batch.source.img),
            **cycle_terms(x, batch.source.img, batch.target.img),
        }

    def critic_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        x_s2t, x_t2s = self.pool_t(x.x_s2t, self.draws), self.pool_s(x.x_t2s, self.draws)
        return {
            **self.gan.critic('Dt', self.D_t, batch.target.img, x_s2t, self.draws),
            **self.gan.critic('Ds', self.D_s, batch.source.img, x_t2s, self.draws),
        }

    def paint(self, batch: ImageBatch, to: str, style: int = 0) -> Tensor:
        return paint_with(self.G, self.F, batch.img, to)

    def panel(self, batch) -> list[tuple[str, Tensor]]:
        return cycle_panel(self.translate(batch), batch.source.img, batch.target.img)

    def check_data(self, datasets, batch_sizes, stages) -> None:
        check_image_sizes(self.pool_t.images.shape[2:], datasets)
