"""UnconditionalGAN: images from latent vectors, and its phases for other models."""

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from reidgen.choices import check_count, one_of
from reidgen.registry import LOSSES, MODELS, build, with_options
from reidgen.rng import seed_of

from .adversarial import AdversarialModel, Phase
from .data_checks import drawn_loaders, image_size
from .layers.batch_norm import batch_statistics
from .preprocessor import SYMMETRIC

LATENTS = ('uniform', 'normal')
BN_EVALS = ('running', 'batch')
COLUMNS = 4  # of generated images in a grid


class Samples(NamedTuple):
    """Latent vectors of an iteration and the images generated from them."""

    z: Tensor  # (B, Z)
    fake: Tensor  # (B, C, H, W) G(z), in [-1, 1]


class GANPhases:
    """Phases D and G of an unconditional GAN (Goodfellow et al., 2014), on a model's G and D.

        z --G--> fake        D tells real from fake, in a forward of its own each

    Real images are the batch's field `real`, normalised in any way: G and D have theirs in [-1, 1].
    D steps first, then G `g_steps` times (phase G is there as often; the log has the last). All is
    drawn from the model's random numbers, so a resumed training goes on bit for bit.

    Args:
        model: with the networks G (`latent_dim`, `image_size`) and D (`image_size`).
        gan_loss: config of the adversarial objective; BCE by default, non-saturating.
        g_steps: steps of G for each of D: 1 in DCGAN's paper, 2 in DCGAN-tensorflow.
        reuse_z: further steps of G take the z of the first; False: each draws its own.
        latent: distribution of z, 'uniform' in [-1, 1) or 'normal'.
        bn_eval: statistics of G's batch norms in evaluation, 'running' or 'batch': those of the
            images generated at once, as DCGAN-tensorflow shows them.

    Raises:
        ValueError: g_steps is below 1, an unknown latent or bn_eval, or G and D have different
            sizes.
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
        self.latent = one_of(latent, LATENTS, 'model.gan.latent')
        self.bn_eval = one_of(bn_eval, BN_EVALS, 'model.gan.bn_eval')
        self.loss = build(gan_loss or dict(type='GANLoss'), LOSSES, 'model.gan.gan_loss')
        self.model, self.g_steps, self.reuse_z = model, g_steps, reuse_z
        # kept here: a distributed wrapper around a network hides its attributes
        self.latent_dim, self.image_size = model.G.latent_dim, model.G.image_size
        if model.D.image_size != self.image_size:
            raise ValueError(
                f'model.networks.G.image_size is {self.image_size}, that of D '
                f'{model.D.image_size}; make them equal'
            )

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

    def generate(self, z: Tensor) -> Tensor:
        """Images (B, C, H, W), normalised as batches are, of latent vectors (B, Z): eval mode."""
        with batch_statistics(self.model.G) if self.bn_eval == 'batch' else nullcontext():
            fake = self.model.G(z)
        normalizer = self.model.data_preprocessor
        if self._is_symmetric:
            return fake
        return (fake.float() + 1) * 127.5 * normalizer.scale - normalizer.shift

    def latents(self, numbers: range, seed: int = 0) -> Tensor:
        """Latent vectors (N, Z) on the CPU; each is a function of its number and the seed alone."""
        draw = torch.rand if self.latent == 'uniform' else torch.randn
        drawn = [
            draw(self.latent_dim, generator=torch.Generator().manual_seed(seed_of(seed, number)))
            for number in numbers
        ]
        return self._scaled(torch.stack(drawn))

    def columns(self, batch) -> list[tuple[str, Tensor]]:
        """Real images, and the images of latent vectors that are always the same."""
        img = batch.real.img
        fake = self.generate(self.latents(range(COLUMNS * len(img))).to(img.device))
        shown = [(f'G(z) {k + 1}', fake[k::COLUMNS]) for k in range(COLUMNS)]
        return [('x', img), *shown]

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        """Images of latent vectors that are always the same, beside so many real ones."""
        real = batch.real.img
        return {'G': (self.generate(self.latents(range(len(real))).to(real.device)), real)}

    def check_data(self, datasets, stages) -> None:
        """Raises ValueError where a stage draws real images of another size than G's."""
        for stage in stages:
            for loader in drawn_loaders(stage, datasets, ('real',)).values():
                size = image_size(datasets[loader])
                if size != self.image_size:
                    raise ValueError(
                        f'model.networks.G.image_size is {self.image_size} but the images of '
                        f'{datasets[loader].name} (train_dataloader.{loader}) are {size} after '
                        f'their transforms; make them equal'
                    )

    @property
    def _is_symmetric(self) -> bool:
        normalizer = self.model.data_preprocessor
        return normalizer.mean == normalizer.std == (0.5, 0.5, 0.5)

    def _symmetric(self, img: Tensor) -> Tensor:
        """Images of a batch in [-1, 1]."""
        normalizer = self.model.data_preprocessor
        if self._is_symmetric:
            return img
        return (img.float() + normalizer.shift) / (127.5 * normalizer.scale) - 1

    def _fooling(self, batch, fake: Tensor) -> dict[str, Tensor]:
        model, real = self.model, self._symmetric(batch.real.img)
        return {'adv.D': self.loss.generator(model.D, fake, real=real, rng=model.rng)}

    def _draw(self, num: int, device: torch.device) -> Tensor:
        rng = self.model.rng
        rows = rng.rows if self.latent == 'uniform' else rng.normal_rows
        return self._scaled(rows(num, self.latent_dim, device=device))

    def _scaled(self, drawn: Tensor) -> Tensor:
        return 2 * drawn - 1 if self.latent == 'uniform' else drawn


@MODELS.register_module()
class UnconditionalGAN(AdversarialModel):
    """Unconditional GAN: learns to sample images like those of its training set.

    With DCGANGenerator and DCGANDiscriminator it is DCGAN (Radford et al., ICLR 2016).

    Args:
        networks: G and D.
        loss_weights: of adv.
        gan: options of GANPhases: gan_loss, g_steps, reuse_z, latent, bn_eval.
    """

    loss_families = ('adv',)

    def __init__(
        self, networks: dict[str, dict], loss_weights: dict[str, float], gan: dict | None = None
    ):
        super().__init__(networks, loss_weights, SYMMETRIC)
        self.gan = gan_phases(self, gan)

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


def gan_phases(model: AdversarialModel, options: dict | None) -> GANPhases:
    """GANPhases of a model with the options of its config, `model.gan`.

    Raises:
        ValueError: the model has no G or D, or an option is unknown or has a wrong value.
    """
    missing = sorted({'G', 'D'} - set(model.network_names))
    if missing:
        raise ValueError(
            f'{type(model).__name__} generates images by the networks G and D; set '
            f'{", ".join(f"model.networks.{name}" for name in missing)}'
        )
    return with_options(GANPhases, dict(options or {}), 'model.gan', model)
