"""Noise on the labels of a discriminator: smoothed targets and swapped roles."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reidgen.choices import one_of
from reidgen.rng import StepRNG


class LabelNoise:
    """Targets drawn from ranges, and roles of real and fake swapped with a probability.

    One-sided smoothing (Salimans et al., NeurIPS 2016) is `smooth_real=(0.9, 0.9)`; random targets
    and swaps are those of PDA-Net (Li et al., ICCV 2019). Generators are not concerned.

    Args:
        smooth_real, smooth_fake: ranges (low, high) of the targets; 1 and 0 by default.
        flip_prob: probability with which fakes are given to the discriminator as real, and reals as
            fake.
        draw_per: 'call': one target and one swap for the batch; 'sample': one each.
        shared_over_scales: one target for all scales, or one a scale.

    Raises:
        ValueError: a range that falls, a probability outside [0, 1], or an unknown draw_per.
    """

    def __init__(
        self,
        smooth_real: tuple[float, float] = (1.0, 1.0),
        smooth_fake: tuple[float, float] = (0.0, 0.0),
        flip_prob: float = 0.0,
        draw_per: str = 'call',
        shared_over_scales: bool = True,
    ):
        one_of(draw_per, ('call', 'sample'), 'draw_per')
        if not 0 <= flip_prob <= 1:
            raise ValueError(f'flip_prob is {flip_prob}; set a probability from 0 to 1')
        self.real = _range('smooth_real', smooth_real)
        self.fake = _range('smooth_fake', smooth_fake)
        self.flip_prob, self.draw_per = flip_prob, draw_per
        self.shared_over_scales = shared_over_scales

    def swapped(
        self, real: list[Tensor], fake: list[Tensor], *, rng: StepRNG
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Outputs of a discriminator that are to be taken as real and as fake, a tensor a scale.

        Raises:
            ValueError: draw_per='sample' with unequal batch sizes.
        """
        if self.flip_prob == 0:
            return real, fake
        if self.draw_per == 'call':
            return (fake, real) if rng.uniform() < self.flip_prob else (real, fake)
        if len(real[0]) != len(fake[0]):
            raise ValueError(
                f'{len(real[0])} real and {len(fake[0])} fake images cannot change '
                f"roles one by one; use equal batch sizes or draw_per='call'"
            )
        flip = rng.rows(len(real[0]), device=real[0].device) < self.flip_prob  # (B,)
        flips = [_like_rows(flip, r) for r in real]
        return (
            [torch.where(flip, f, r) for flip, r, f in zip(flips, real, fake)],
            [torch.where(flip, r, f) for flip, r, f in zip(flips, real, fake)],
        )

    def targets(
        self, label: tuple[float, float], outputs: list[Tensor], *, rng: StepRNG
    ) -> list[Tensor]:
        """Targets shaped as each scale's output, from the range `self.real` or `self.fake`."""
        shared = None
        targets = []
        for out in outputs:
            y = self._target(label, out, rng) if shared is None else shared
            shared = y if self.shared_over_scales else None
            targets.append(_like_rows(y, out).expand_as(out))
        return targets

    def _target(self, label: tuple[float, float], out: Tensor, rng: StepRNG) -> Tensor:
        low, high = label
        if low == high:
            return out.new_tensor([low])
        if self.draw_per == 'call':
            return out.new_tensor([rng.uniform(low, high)])
        return low + (high - low) * rng.rows(len(out), device=out.device)  # (B,)


def _like_rows(values: Tensor, out: Tensor) -> Tensor:
    """(B,) or (1,) as (B, 1, ...), to broadcast against an output."""
    return values.view(-1, *[1] * (out.dim() - 1))


def _range(key: str, given: Sequence[float]) -> tuple[float, float]:
    if len(given) != 2 or given[0] > given[1]:
        raise ValueError(f'{key} is {given}; set a range (low, high), low first')
    return given[0], given[1]
