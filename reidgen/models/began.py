"""BEGAN: images from latent vectors, told from real ones by an auto-encoder."""

from torch import Tensor

from reidgen.choices import one_of
from reidgen.registry import LOSSES, MODELS, build

from .adversarial import AdversarialModel
from .latents import LatentSampling
from .phases import Phase
from .unconditional import LatentGAN, Samples, gan_phases

UPDATES = ('joint', 'alternate')


class BEGANPhases(LatentSampling):
    """Phases of BEGAN (Berthelot et al., 2017) on a model's G, D and equilibrium.

    'joint', as BEGAN-tensorflow: one batch of fakes for both networks, each judged by the other as
    it was before the iteration. G steps first, on the D of before, and D by the same fakes,
    detached. 'alternate', as the paper's algorithm: D steps, then G by fakes of its own, against
    the D that has moved.

    Args:
        model: as of LatentSampling, with `equilibrium` (BoundaryEquilibrium).
        update: 'joint' or 'alternate'.
        latent: as of LatentSampling.

    Raises:
        ValueError: an unknown update; or as LatentSampling.
    """

    def __init__(self, model: AdversarialModel, update: str = 'joint', latent: str = 'uniform'):
        self.update = one_of(update, UPDATES, 'model.gan.update')
        super().__init__(model, latent)

    def phases(self) -> tuple[Phase, ...]:
        """G and D; where updates alternate, D and G."""
        shared = (self.forward_samples, ('real',))
        discriminator = Phase('D', ('D',), self.discriminator_losses, *shared, detached=True)
        if self.update == 'joint':
            return Phase('G', ('G',), self.generator_losses, *shared), discriminator
        return discriminator, Phase('G', ('G',), self.own_losses, *shared, detached=True)

    def forward_samples(self, batch) -> Samples:
        img = batch.real.img
        z = self._draw(len(img), img.device)
        return Samples(z, self.model.G(z))

    def discriminator_losses(self, batch, x: Samples) -> dict[str, Tensor]:
        model = self.model
        return model.equilibrium.discriminator('D', model.D, batch.real.img, x.fake)

    def generator_losses(self, batch, x: Samples) -> dict[str, Tensor]:
        return {'adv.D': self.model.equilibrium.generator(self.model.D, x.fake)}

    def own_losses(self, batch, x: Samples) -> dict[str, Tensor]:
        """Terms of G by other fakes than D was given."""
        return self.generator_losses(batch, self.forward_samples(batch))

    def columns(self, batch) -> list[tuple[str, Tensor]]:
        """Real images and generated ones, with what D makes of the first column of each."""
        real, first, *others = super().columns(batch)
        restored = [(f'D({title})', self.model.D(img)) for title, img in (real, first)]
        return [real, restored[0], first, restored[1], *others]


@MODELS.register_module()
class BEGAN(LatentGAN):
    """Boundary equilibrium GAN (Berthelot et al., 2017) of BEGANGenerator and BEGANDiscriminator.

    k and M are logged as `D/stat.k` and `D/stat.M`, with `D/stat.balance`.

    Args:
        networks: G and D, an auto-encoder.
        loss_weights: of adv.
        equilibrium: options of BoundaryEquilibrium: gamma, k_rate, k_start, exponent.
        gan: options of BEGANPhases: update, latent.
    """

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        equilibrium: dict | None = None,
        gan: dict | None = None,
    ):
        super().__init__(networks, loss_weights)
        self.equilibrium = build(
            equilibrium or {}, LOSSES, 'model.equilibrium', default='BoundaryEquilibrium'
        )
        self.gan = gan_phases(self, gan, BEGANPhases)

    def update_memory(self, batch, x, logs: dict[str, Tensor]) -> None:
        """Moves k by the errors of this iteration, where both phases were due."""
        super().update_memory(batch, x, logs)
        errors = [logs.get(key) for key in ('D/loss_adv.D.real', 'G/loss_adv.D')]
        if errors[0] is not None and errors[1] is not None:
            moved = self.equilibrium.update(*errors)
            logs.update({f'D/{name}': value for name, value in moved.items()})

    def autoencode(self, img: Tensor) -> Tensor:
        """What D makes of images (B, C, H, W) in [-1, 1], of the same shape."""
        return self.D(img)

    def check_data(self, datasets, batch_sizes, stages) -> None:
        """As of UnconditionalGAN; raises ValueError too where k would move by micro-batches."""
        super().check_data(datasets, batch_sizes, stages)
        for stage in stages:
            if stage.accumulate > 1:
                raise ValueError(
                    f'stage {stage.name}: accumulate is {stage.accumulate}, but BEGAN moves k by '
                    f'every batch; set accumulate=1 and a smaller train_dataloader.real.batch_size'
                )
