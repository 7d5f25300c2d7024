"""Latent vectors of a GAN, and the images that its generator makes of them."""

from collections.abc import Callable
from contextlib import nullcontext

import torch
import torch.nn.functional as nnf
from torch import Tensor

from reidgen.choices import one_of
from reidgen.rng import seed_of

from .adversarial import AdversarialModel
from .data_checks import drawn_loaders, image_size
from .layers.batch_norm import batch_statistics

LATENTS = ('uniform', 'normal')
BN_EVALS = ('running', 'batch')
COLUMNS = 4  # of generated images in a grid
INVERT_ITERS, INVERT_LR = 10_000, 1e-4  # a step of Adam is about the rate: from 0 to 1
MIN_SINE = 1e-6  # of the angle between two vectors; below, its digits are noise


class LatentSampling:
    """Latent vectors and generated images of a model with an unconditional G, and D beside it.

    Real images are the batch's field `real`, normalised in any way: G and D have theirs in [-1, 1].
    Latent vectors are drawn from the model's random numbers, so a resumed training goes on bit for
    bit.

    Args:
        model: with the networks G (`latent_dim`, `image_size`) and D (`image_size`).
        latent: distribution of z, 'uniform' in [-1, 1) or 'normal'.
        bn_eval: statistics of G's batch norms in evaluation, 'running' or 'batch': those of the
            images generated at once, as DCGAN-tensorflow shows them.

    Raises:
        ValueError: an unknown latent or bn_eval, or G and D have different sizes.
    """

    def __init__(self, model: AdversarialModel, latent: str = 'uniform', bn_eval: str = 'running'):
        self.latent = one_of(latent, LATENTS, 'model.gan.latent')
        self.bn_eval = one_of(bn_eval, BN_EVALS, 'model.gan.bn_eval')
        self.model = model
        # kept here: a distributed wrapper around a network hides its attributes
        self.latent_dim, self.image_size = model.G.latent_dim, model.G.image_size
        if model.D.image_size != self.image_size:
            raise ValueError(
                f'model.networks.G.image_size is {self.image_size}, that of D '
                f'{model.D.image_size}; make them equal'
            )

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

    def invert(
        self,
        img: Tensor,
        iters: int = INVERT_ITERS,
        watch: Callable[[int, Tensor], None] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Latent vectors whose images are near given ones: Adam at 1e-4 on mean |x - G(z)|.

        So real images are interpolated in BEGAN's paper (Berthelot et al., 2017). All start at 0,
        and a component moves by 1e-4 an iteration at most, about: a z in [-1, 1] needs up to
        10,000. It is not held there. Each image is inverted as if it were alone.

        Args:
            img: (B, C, H, W), normalised as batches are; the model is in eval mode.
            watch: is given the number of iterations done and the errors (B,) then.

        Returns:
            latent vectors (B, Z), and errors (B,), mean |x - G(z)| of each in [-1, 1].

        Raises:
            ValueError: images of another shape than G's, a model in training mode or with
                bn_eval='batch'.
        """
        if self.model.training or self.bn_eval == 'batch':
            raise ValueError(
                'images are inverted one by one: set the model to eval mode, and '
                "model.gan.bn_eval='running'"
            )
        x = self._symmetric(img)
        z = torch.zeros(len(x), self.latent_dim, device=x.device, requires_grad=True)
        adam = torch.optim.Adam([z], lr=INVERT_LR)
        errors = self._inversion_errors(x, z)
        for done in range(1, iters + 1):
            (z.grad,) = torch.autograd.grad(errors.sum(), z)  # of each image its own
            adam.step()
            errors = self._inversion_errors(x, z)
            if watch is not None:
                watch(done, errors.detach())
        return z.detach(), errors.detach()

    def _inversion_errors(self, x: Tensor, z: Tensor) -> Tensor:
        fake = self.model.G(z)
        if fake.shape != x.shape:
            raise ValueError(
                f'images of {tuple(x.shape[1:])} are to be inverted, but those of the generator '
                f'are {tuple(fake.shape[1:])} (channels, height, width); give such images'
            )
        return (x - fake).abs().mean((1, 2, 3))

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

    def _draw(self, num: int, device: torch.device) -> Tensor:
        rng = self.model.rng
        rows = rng.rows if self.latent == 'uniform' else rng.normal_rows
        return self._scaled(rows(num, self.latent_dim, device=device))

    def _scaled(self, drawn: Tensor) -> Tensor:
        return 2 * drawn - 1 if self.latent == 'uniform' else drawn


def slerp(first: Tensor, last: Tensor, ratio: float) -> Tensor:
    """Latent vectors on the great circle between two (Shoemake, SIGGRAPH 1985).

    Between vectors of one direction or of opposite ones, which no circle or many have, on the
    straight line.

    Args:
        first, last: (B, Z).
        ratio: 0 gives the first, 1 the last.

    Returns:
        (B, Z).
    """
    a, b = first.double(), last.double()
    omega = nnf.cosine_similarity(a, b).clamp(-1, 1).acos()[:, None]
    sine = omega.sin()
    straight = sine < MIN_SINE
    sine = torch.where(straight, 1.0, sine)
    weights = [
        torch.where(straight, share, (share * omega).sin() / sine) for share in (1 - ratio, ratio)
    ]
    return (weights[0] * a + weights[1] * b).to(first.dtype)
