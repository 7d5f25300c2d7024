"""PTGAN: CycleGAN with a foreground-preserving identity loss."""

from torch import Tensor

from reidgen.models import CycleTranslation
from reidgen.models.cycle import Cycle
from reidgen.registry import MODELS
from reidgen.structures import DomainBatch

from .foreground import REDUCTIONS, foreground_difference


@MODELS.register_module()
class PTGAN(CycleTranslation):
    """Person transfer (Wei et al., CVPR 2018).

        x_s --G--> x_s2t --F--> x_s2t2s ~ x_s        x_s2t ~ x_s on the person
        x_t --F--> x_t2s --G--> x_t2s2t ~ x_t        x_t2s ~ x_t on the person

    The masks come as the batches' `pose_map`, of a DatasetMask or a MaskFolder; resized and cropped
    like the image, they are cut at one half.

    Args:
        networks: G, F, D_s, D_t.
        loss_weights: of adv, cycle, idt (CycleGAN's, which the paper does not have: 0) and
            foreground.
        pool: config of the ImagePool, one for each discriminator.
        id_reduce: how the foreground term is averaged, see `foreground_difference`.
        soft_masks: take masks as weights in [0, 1] instead of cutting them at one half.
        gan_loss: config of the adversarial objective; least squares by default.
    """

    loss_families = (*CycleTranslation.loss_families, 'foreground')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        pool: dict,
        id_reduce: str = 'rms',
        soft_masks: bool = False,
        gan_loss: dict | None = None,
    ):
        super().__init__(networks, loss_weights, pool, gan_loss)
        if id_reduce not in REDUCTIONS:
            raise ValueError(
                f'model.id_reduce is {id_reduce!r}; choose one of {", ".join(REDUCTIONS)}'
            )
        self.id_reduce, self.soft_masks = id_reduce, soft_masks

    def generator_losses(self, batch, x: Cycle) -> dict[str, Tensor]:
        losses = super().generator_losses(batch, x)
        if self.on('foreground'):
            s, t = batch.source, batch.target
            for term, image, new in (('s2t', s, x.x_s2t), ('t2s', t, x.x_t2s)):
                losses[f'foreground.{term}'] = foreground_difference(
                    new, image.img, self.masks(image), self.id_reduce
                )
        return losses

    def masks(self, batch: DomainBatch) -> Tensor:
        """Masks (B, 1, H, W) of the batch's pose maps, in {0, 1}, or in [0, 1] if soft."""
        if self.soft_masks:
            return (batch.pose_map + 1) / 2
        return (batch.pose_map > 0).float()

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        s, t = batch.source, batch.target
        columns = super().visuals(batch)
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
        super().check_data(datasets, batch_sizes, stages)
