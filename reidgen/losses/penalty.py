"""Gradient penalties of discriminators."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.gradients import image_gradients
from reidgen.losses.gan import Discriminator, Images
from reidgen.registry import LOSSES
from reidgen.rng import StepRNG

KINDS = ('wgan_gp', 'wgan_gp_1s', 'r1', 'r1_dgnet', 'r2', 'dragan')
NORM_EPS = 1e-12  # inside the square root of |g|, for a finite gradient at 0
DRAGAN_SPREAD = 0.5  # of the noise around a real image, in standard deviations of the batch


@LOSSES.register_module()
class GradientPenalty(nn.Module):
    """Penalty on g, the gradient of a discriminator's output with respect to its input.

    | kind       | where                               | value                             |
    |------------|-------------------------------------|-----------------------------------|
    | wgan_gp    | alpha real + (1 - alpha) fake       | mean (|g| - target)^2             |
    | wgan_gp_1s | the same                            | mean max(0, |g| - target)^2       |
    | r1         | real                                | mean |g|^2 / 2                    |
    | r1_dgnet   | real                                | mean |g|^2                        |
    | r2         | fake                                | mean |g|^2 / 2                    |
    | dragan     | real + 0.5 std(real) U(0, 1)        | mean (|g| - target)^2             |

    Sources: Gulrajani et al. 2017 (wgan_gp), Petzka et al. 2018 (one-sided), Mescheder et al. 2018
    (r1, r2), DG-Net (r1 without the half), Kodali et al. 2017 (dragan). Each scale of a
    discriminator has its own g; the penalties of the scales are summed. Taken of the raw output, in
    float32 under autocast too; real and fake are left untouched. Dragan's std is that of this
    process' batch. Of a discriminator of images of several sizes, each output has its g with
    respect to its own image, at one alpha a sample.

    Args:
        reduction: of a sample's patches to one number: 'mean', or 'sum' (the usual function, which
            makes the target so many times smaller for the mean patch as there are patches).
        target: slope, for the kinds that have one.
        every: n: computed in every n-th step of the phase alone, and then n times as large.

    Raises:
        ValueError: an unknown kind or reduction; every is below 1.
    """

    def __init__(
        self,
        kind: str = 'wgan_gp',
        reduction: str = 'mean',
        target: float = 1.0,
        every: int = 1,
    ):
        super().__init__()
        one_of(kind, KINDS, 'kind')
        one_of(reduction, ('mean', 'sum'), 'reduction')
        if every < 1:
            raise ValueError(f'every is {every}; set 1 (each iteration) or more')
        self.kind, self.reduction, self.target, self.every = kind, reduction, target, every

    def forward(
        self, name: str, discriminator: Discriminator, real: Images, fake: Images, *, rng: StepRNG
    ) -> dict[str, Tensor]:
        """Penalty 'gp.<name>', 0-d, and statistic 'stat.<name>.grad_norm', the mean |g|, detached.

        In a step that is left out (`every`), the penalty is a zero without a graph, and there
        is no stat.

        Args:
            real, fake: (B, C, H, W), or a tuple of them, one for each output; interpolation cuts
                both to the smaller batch.
        """
        reals, fakes = ((img,) if isinstance(img, Tensor) else img for img in (real, fake))
        zero = reals[0].new_zeros((), dtype=torch.float32)
        if rng.step % self.every:
            return {f'gp.{name}': zero}
        with torch.autocast(zero.device.type, enabled=False), image_gradients():
            points = self._points(
                [img.detach().float() for img in reals],
                [img.detach().float() for img in fakes],
                rng,
            )
            for point in points:
                point.requires_grad_()
            one = isinstance(real, Tensor)
            out = discriminator(points[0] if one else tuple(points))
            outputs = [out] if isinstance(out, Tensor) else out
            squares = [
                self._squared_norm(scale, point)
                for scale, point in zip(outputs, points * len(outputs) if one else points)
            ]  # (B,) each
            penalty = sum((self._penalty(square) for square in squares), zero) * self.every
            norm = torch.stack([square.detach().sqrt().mean() for square in squares]).mean()
        return {f'gp.{name}': penalty, f'stat.{name}.grad_norm': norm}

    def _points(
        self, reals: Sequence[Tensor], fakes: Sequence[Tensor], rng: StepRNG
    ) -> list[Tensor]:
        if self.kind in ('r1', 'r1_dgnet'):
            return [real.clone() for real in reals]
        if self.kind == 'r2':
            return [fake.clone() for fake in fakes]
        if self.kind == 'dragan':
            return [
                real + DRAGAN_SPREAD * real.std() * rng.rows(*real.shape, device=real.device)
                for real in reals
            ]
        size = min(len(reals[0]), len(fakes[0]))
        alpha = rng.rows(size, 1, 1, 1, device=reals[0].device)  # one a sample, not one a pixel
        return [alpha * real[:size] + (1 - alpha) * fake[:size] for real, fake in zip(reals, fakes)]

    def _squared_norm(self, out: Tensor, point: Tensor) -> Tensor:
        patches = out.float().reshape(len(out), -1)  # (B, patches)
        score = patches.mean(1) if self.reduction == 'mean' else patches.sum(1)
        (gradient,) = torch.autograd.grad(score.sum(), point, create_graph=True)
        return gradient.flatten(1).square().sum(1)

    def _penalty(self, square: Tensor) -> Tensor:
        if self.kind == 'r1_dgnet':
            return square.mean()
        if self.kind in ('r1', 'r2'):
            return square.mean() / 2
        excess = (square + NORM_EPS).sqrt() - self.target
        return (excess.relu() if self.kind == 'wgan_gp_1s' else excess).square().mean()
