"""UnconditionalGAN: images from latent vectors, and its phases for other models."""

from typing import Any, NamedTuple

from torch import Tensor

from reidgen.choices import check_count
from reidgen.registry import LOSSES, MODELS, build, with_options

from .adversarial import AdversarialModel
from .latents import LatentSampling
from .phases import Phase
from .preprocessor import SYMMETRIC


class Samples(NamedTuple):
    """Latent vectors of an iteration and the images generated from them."""

    z: Tensor  # (B, Z)
    fake: Tensor  # (B, C, H, W) G(z), in [-1, 1]


class GANPhases(LatentSampling):
    """Phases D and G of an unconditional GAN (Goodfellow et al., 2014), on a model's G and D.

        z --G--> fake        D tells real from fake, in a forward of its own each

    D steps first, then G `g_steps` times (phase G is there as often; the log has the last).

    Args:
        model: as of LatentSampling.
        gan_loss: config of the adversarial objective; BCE by default, non-saturating.
        g_steps: steps of G for each of D: 1 in DCGAN's paper, 2 in DCGAN-tensorflow.
        reuse_z: further steps of G take the z of the first; False: each draws its own.
        latent, bn_eval: as of LatentSampling.

    Raises:
        ValueError: g_steps is below 1; or as LatentSampling.
    """

    def __init__(
        self,
        model: AdversarialModel,
        gan_loss: dict | None = None,
        g_steps: int = 1,
        reuse_z: bool = True,
        latent: str = 'uniform',
        bn_eval: str = 'running',
    ):
        check_count('model.gan.g_steps', g_steps)
        super().__init__(model, latent, bn_eval)
        self.loss = build(gan_loss or dict(type='GANLoss'), LOSSES, 'model.gan.gan_loss')
        self.g_steps, self.reuse_z = g_steps, reuse_z

    def phases(self) -> tuple[Phase, ...]:
        """D, and G `g_steps` times."""
        shared = (self.forward_samples, ('real',))
        further = Phase('G', ('G',), self.further_losses, *shared, detached=True)
        return (
            Phase('D', ('D',), self.discriminator_losses, *shared, detached=True),
            Phase('G', ('G',), self.generator_losses, *shared),
            *[further] * (self.g_steps - 1),
        )

    def forward_samples(self, batch) -> Samples:
        img = batch.real.img
        z = self._draw(len(img), img.device)
        return Samples(z, self.model.G(z))

    def discriminator_losses(self, batch, x: Samples) -> dict[str, Tensor]:
        model, real = self.model, self._symmetric(batch.real.img)
        return self.loss.discriminator('D', model.D, real, x.fake, rng=model.rng)

    def generator_losses(self, batch, x: Samples) -> dict[str, Tensor]:
        return self._fooling(batch, x.fake)

    def further_losses(self, batch, x: Samples) -> dict[str, Tensor]:
        """Terms of a further step of G, with its moved weights."""
        z = x.z if self.reuse_z else self._draw(len(x.z), x.z.device)
        return self._fooling(batch, self.model.G(z))

    def _fooling(self, batch, fake: Tensor) -> dict[str, Tensor]:
        model, real = self.model, self._symmetric(batch.real.img)
        return {'adv.D': self.loss.generator(model.D, fake, real=real, rng=model.rng)}


class LatentGAN(AdversarialModel):
    """Base of models that are an unconditional GAN and nothing else.

    Attributes:
        gan: phases of G and D, a LatentSampling with `phases`; set by the model.
    """

    loss_families = ('adv',)
    gan: Any

    def __init__(self, networks: dict[str, dict], loss_weights: dict[str, float]):
        super().__init__(networks, loss_weights, SYMMETRIC)

    def phases(self) -> tuple[Phase, ...]:
        return self.gan.phases()

    def generate(self, z: Tensor) -> Tensor:
        """Images (B, C, H, W), normalised as batches are, of latent vectors (B, Z)."""
        return self.gan.generate(z)

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        return self.gan.columns(batch)

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        return self.gan.diversity_pairs(batch)

    def check_data(self, datasets, batch_sizes, stages) -> None:
        self.gan.check_data(datasets, stages)


@MODELS.register_module()
class UnconditionalGAN(LatentGAN):
    """Unconditional GAN: learns to sample images like those of its training set.

    With DCGANGenerator and DCGANDiscriminator it is DCGAN (Radford et al., ICLR 2016).

    Args:
        networks: G and D.
        loss_weights: of adv.
        gan: options of GANPhases: gan_loss, g_steps, reuse_z, latent, bn_eval.
    """

    def __init__(
        self, networks: dict[str, dict], loss_weights: dict[str, float], gan: dict | None = None
    ):
        super().__init__(networks, loss_weights)
        self.gan = gan_phases(self, gan)


def gan_phases(model: AdversarialModel, options: dict | None, kind: type = GANPhases) -> Any:
    """Phases of a model's G and D with the options of its config, `model.gan`.

    Raises:
        ValueError: the model has no G or D, or an option is unknown or has a wrong value.
    """
    missing = sorted({'G', 'D'} - set(model.network_names))
    if missing:
        raise ValueError(
            f'{type(model).__name__} generates images by the networks G and D; set '
            f'{", ".join(f"model.networks.{name}" for name in missing)}'
        )
    return with_options(kind, dict(options or {}), 'model.gan', model)
