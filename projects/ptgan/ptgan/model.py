"""PTGAN: CycleGAN, and a person who stays the same."""

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
from reidgen.structures import DomainBatch

from .foreground import REDUCTIONS, foreground_difference

DOMAINS = ('source', 'target')  # loaders


@MODELS.register_module()
class PTGAN(AdversarialModel):
    """Person transfer (Wei et al., CVPR 2018).

        x_s --G--> x_s2t --F--> x_s2t2s ~ x_s        x_s2t ~ x_s on the person
        x_t --F--> x_t2s --G--> x_t2s2t ~ x_t        x_t2s ~ x_t on the person

    G generates target style and D_t judges it; F generates source style and D_s judges it. The
    masks come as the batches' `pose_map`, of a DatasetMask or a MaskFolder; resized and cropped
    like the image, they are cut at one half.

    Args:
        networks: G, F, D_s, D_t.
        loss_weights: of adv, cycle, identity (CycleGAN's, which the paper does not have: 0) and
            foreground.
        pool: config of the ImagePool, one for each discriminator.
        id_reduce: how the foreground term is averaged, see `foreground_difference`.
        soft_masks: take masks as weights in [0, 1] instead of cutting them at one half.
        gan_loss: config of the adversarial objective; least squares by default.
    """

    phases = (
        Phase('G', ('G', 'F'), 'generator_losses', reads=DOMAINS),
        Phase('D', ('D_s', 'D_t'), 'discriminator_losses', reads=DOMAINS, detached=True),
    )
    loss_families = ('adv', 'cycle', 'identity', 'foreground')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        pool: dict,
        id_reduce: str = 'rms',
        soft_masks: bool = False,
        gan_loss: dict | None = None,
    ):
        super().__init__(networks, loss_weights, SYMMETRIC)
        if id_reduce not in REDUCTIONS:
            raise ValueError(
                f'model.id_reduce is {id_reduce!r}; choose one of {", ".join(REDUCTIONS)}'
            )
        self.id_reduce, self.soft_masks = id_reduce, soft_masks
        self.gan = LOSSES.build(gan_loss or dict(type='GANLoss', mode='lsgan'))
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
        if self.on('foreground'):
            m_s, m_t = self.masks(batch.source), self.masks(batch.target)
            losses['foreground.s2t'] = foreground_difference(x.x_s2t, x_s, m_s, self.id_reduce)
            losses['foreground.t2s'] = foreground_difference(x.x_t2s, x_t, m_t, self.id_reduce)
        return losses

    def discriminator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        x_s2t, x_t2s = self.pool_t(x.x_s2t, self.rng), self.pool_s(x.x_t2s, self.rng)
        return {
            **self.gan.discriminator('Dt', self.D_t, batch.target.img, x_s2t, self.rng),
            **self.gan.discriminator('Ds', self.D_s, batch.source.img, x_t2s, self.rng),
        }

    def masks(self, batch: DomainBatch) -> Tensor:
        """(B, 1, H, W) in {0, 1}, or in [0, 1] where they are soft, of pose maps in [-1, 1]."""
        if self.soft_masks:
            return (batch.pose_map + 1) / 2
        return (batch.pose_map > 0).float()

    def translate(self, batch: DomainBatch, to: str, style: int = 0) -> Tensor:
        return translate_with(self.G, self.F, batch.img, to)

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        s, t = batch.source, batch.target
        columns = cycle_visuals(self.forward_translation(batch), s.img, t.img)
        m_s, m_t = (2 * self.masks(one) - 1 for one in (s, t))
        return [columns[0], ('m_s', m_s), *columns[1:4], ('m_t', m_t), *columns[4:]]

    def check_data(self, datasets, batch_sizes, stages) -> None:
        for name, dataset in datasets.items():
            if dataset.map_channels != 1:
                raise ValueError(
                    f'PTGAN needs a mask of every image, but the loader {name} has pose maps of '
                    f'{dataset.map_channels} channels; set its dataset.pose_map to '
                    f"dict(type='DatasetMask') or dict(type='MaskFolder', root=...)"
                )
        check_image_sizes(self.pool_t.images.shape[2:], datasets)
