"""Reconstruction errors of an auto-encoding discriminator, held in balance by a controller."""

from collections.abc import Callable

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.registry import LOSSES

AutoEncoder = Callable[[Tensor], Tensor]


def check_share(name: str, value: float) -> float:
    """The value itself; ValueError where it is no number in 0..1."""
    if not 0 <= value <= 1:
        raise ValueError(f'equilibrium.{name} is {value}; it must be in 0..1')
    return value


@LOSSES.register_module()
class BoundaryEquilibrium(nn.Module):
    """Objective of BEGAN (Berthelot et al., 2017, eq. 5) and its controller of the balance.

        L(v) = mean |v - D(v)|^eta       d_real = L(x), d_fake = L(G(z))
        D:  d_real - k d_fake            G:  d_fake
        balance = gamma d_real - d_fake  M = d_real + |balance|
        k <- k + k_rate balance, clipped to 0..1

    k is the share of D's effort that goes into telling fakes: it rises while they are reconstructed
    better than gamma times as well as reals, that is, while D is too weak. M measures convergence.
    Both are buffers, saved and resumed with the model; no gradient enters them. Always float32.

    Args:
        gamma: target of d_fake / d_real, 0..1: higher for diversity, lower for fidelity.
        k_rate: proportional gain (lambda_k).
        k_start: k of the first iteration.
        exponent: eta, 1 or 2.

    Raises:
        ValueError: a value out of its range.
    """

    k: Tensor
    measure: Tensor

    def __init__(
        self, gamma: float = 0.5, k_rate: float = 0.001, k_start: float = 0.0, exponent: int = 1
    ):
        super().__init__()
        self.gamma, k_start = check_share('gamma', gamma), check_share('k_start', k_start)
        if not k_rate >= 0:
            raise ValueError(f'equilibrium.k_rate is {k_rate}; it must be a number from 0')
        self.k_rate = k_rate
        self.exponent = one_of(exponent, (1, 2), 'equilibrium.exponent')
        self.register_buffer('k', torch.tensor(float(k_start)))
        self.register_buffer('measure', torch.tensor(0.0))  # M of the last iteration

    def error(self, discriminator: AutoEncoder, img: Tensor) -> Tensor:
        """L(v), 0-d float32, of images (B, C, H, W); the gradient takes both ways to v."""
        difference = (img.float() - discriminator(img).float()).abs()
        return (difference if self.exponent == 1 else difference.square()).mean()

    def discriminator(
        self, name: str, discriminator: AutoEncoder, real: Tensor, fake: Tensor
    ) -> dict[str, Tensor]:
        """Terms of the discriminator; the fake (B, C, H, W) is detached.

        Returns:
            'adv.<name>.real': d_real; 'adv.<name>.fake': -k d_fake. 'stat.<name>.L_fake': d_fake,
            and 'stat.<name>.ratio': d_fake / d_real, whose target is gamma. Detached.
        """
        d_real = self.error(discriminator, real)
        d_fake = self.error(discriminator, fake.detach())
        told = d_fake.detach()
        return {
            f'adv.{name}.real': d_real,
            f'adv.{name}.fake': -self.k.clone() * d_fake,
            f'stat.{name}.L_fake': told,
            f'stat.{name}.ratio': told / d_real.detach().clamp_min(torch.finfo(told.dtype).tiny),
        }

    def generator(self, discriminator: AutoEncoder, fake: Tensor) -> Tensor:
        """Term of the generator, d_fake, 0-d."""
        return self.error(discriminator, fake)

    @torch.no_grad()
    def update(self, d_real: Tensor, d_fake: Tensor) -> dict[str, Tensor]:
        """Moves k by the balance of an iteration, the mean over all processes.

        Args:
            d_real, d_fake: 0-d, the errors that D and G were trained by.

        Returns:
            'stat.balance', 'stat.M', 'stat.k': 0-d, k as it is for the next iteration.
        """
        errors = torch.stack([d_real.detach(), d_fake.detach()]).float()
        all_reduce(errors, 'mean')
        balance = self.gamma * errors[0] - errors[1]
        self.k.copy_((self.k + self.k_rate * balance).clamp(0, 1))
        self.measure.copy_(errors[0] + balance.abs())
        measure, k = self.measure.clone(), self.k.clone()
        return {'stat.balance': balance, 'stat.M': measure, 'stat.k': k}
