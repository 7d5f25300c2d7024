"""Adversarial objectives of discriminators and generators."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as nnf
from mmengine.logging import print_log
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.losses.input_noise import InputNoise
from reidgen.losses.label_noise import LabelNoise
from reidgen.registry import LOSSES, with_options
from reidgen.rng import StepRNG

Images = Tensor | tuple[Tensor, ...]  # of several sizes: a tuple
Discriminator = Callable[[Any], Tensor | Sequence[Tensor]]

LABEL_MODES = ('bce', 'bce_saturating', 'bce_prob', 'lsgan', 'lsgan_sigmoid')
MODES = (*LABEL_MODES, 'hinge', 'wgan', 'relativistic_avg')
SIGMOID_MODES = ('bce', 'bce_saturating', 'lsgan_sigmoid')  # sigmoid(logit) is a probability


@LOSSES.register_module()
class GANLoss(nn.Module):
    """Adversarial objective of a discriminator and its generator, over one or several scales.

    | mode             | discriminator: real term, fake term         | generator              |
    |------------------|--------------------------------------|------------------------|
    | bce              | BCE(r, y_real), BCE(f, y_fake)       | BCE(f, 1)              |
    | bce_saturating   | the same                             | -mean softplus(f)      |
    | bce_prob         | the same; discriminator ends in a sigmoid   | BCE(f, 1)              |
    | lsgan            | mean (r - y_real)^2, (f - y_fake)^2  | mean (f - 1)^2         |
    | lsgan_sigmoid    | the same of sigmoid(r), sigmoid(f)   | the same               |
    | hinge            | mean relu(1 - r), relu(1 + f)        | -mean f                |
    | wgan             | -mean r, mean f                      | -mean f                |
    | relativistic_avg | softplus(mean f - r), (f - mean r)   | roles of r, f swapped  |

    r and f are the discriminator's outputs; means run over batch and patches. Sources: Goodfellow
    et al. 2014 (bce; non-saturating), Mao et al. 2017 (lsgan, here without the factor 1/2: that is
    a weight), Lim & Ye 2017 (hinge), Arjovsky et al. 2017 (wgan), Jolicoeur-Martineau 2019
    (relativistic_avg). Always float32.

    Args:
        scale_reduction: 'mean' or 'sum' over the scales (MUNIT and DG-Net sum).
        scale_weights: one a scale; 'mean' divides by their sum.
        labels: options of `LabelNoise`: smoothed targets, swapped roles; None: targets 1 and 0.
        input_noise: dict(std, start=0, iters=None): noise N(0, std^2) on all that the discriminator
            sees; std falls linearly to 0 over `iters` iterations from `start`, and never if it is
            None.

    Raises:
        ValueError: an unknown value; label tricks where the mode has no labels.
    """

    def __init__(
        self,
        mode: str = 'bce',
        scale_reduction: str = 'mean',
        scale_weights: Sequence[float] | None = None,
        labels: dict | None = None,
        input_noise: dict | None = None,
    ):
        super().__init__()
        one_of(mode, MODES, 'mode')
        one_of(scale_reduction, ('mean', 'sum'), 'scale_reduction')
        if labels and mode not in LABEL_MODES:
            raise ValueError(
                f'mode {mode!r} has no labels to smooth or swap; leave `labels` out, or use one of '
                f'{", ".join(LABEL_MODES)}'
            )
        if mode == 'lsgan_sigmoid':
            print_log(
                'GANLoss(mode=lsgan_sigmoid): least squares of a sigmoid, whose gradient '
                'vanishes where the discriminator is sure; lsgan is the usual choice',
                'current',
                level=logging.WARNING,
            )
        self.mode = mode
        self.scale_reduction, self.scale_weights = scale_reduction, scale_weights
        self.labels = with_options(LabelNoise, labels or {}, 'labels')
        self.input_noise = None
        if input_noise:
            self.input_noise = with_options(InputNoise, input_noise, 'input_noise')

    def discriminator(
        self, name: str, discriminator: Discriminator, real: Images, fake: Images, *, rng: StepRNG
    ) -> dict[str, Tensor]:
        """Terms of the discriminator and its mean outputs; the fake is detached.

        Args:
            name: of the discriminator, in the keys.
            real, fake: (B, C, H, W), or a tuple of them where the discriminator takes images of
                several sizes; 'sample' flips need equal batch sizes.

        Returns:
            'adv.<name>.real', 'adv.<name>.fake': 0-d terms of the images labelled real,
            or fake. 'stat.<name>.p_real', 'p_fake': mean probability given to the true reals
            and fakes; where the output is no logit of a probability ('lsgan', 'hinge', 'wgan',
            'relativistic_avg') the mean output, as 'o_real', 'o_fake'. Detached.
        """
        real_out = self._outputs(discriminator, real, rng)
        fake_out = self._outputs(discriminator, _detached(fake), rng)
        with _float32(real_out[0]):
            told_real, told_fake = self.labels.swapped(real_out, fake_out, rng=rng)
            y_real = self.labels.targets(self.labels.real, told_real, rng=rng)
            y_fake = self.labels.targets(self.labels.fake, told_fake, rng=rng)
            terms = [
                self._discriminator_terms(*scale)
                for scale in zip(told_real, told_fake, y_real, y_fake)
            ]
            kind, mean_real, mean_fake = self._mean_outputs(real_out, fake_out)
            return {
                f'adv.{name}.real': self._over_scales([term[0] for term in terms]),
                f'adv.{name}.fake': self._over_scales([term[1] for term in terms]),
                f'stat.{name}.{kind}_real': mean_real,
                f'stat.{name}.{kind}_fake': mean_fake,
            }

    def reject(
        self, discriminator: Discriminator, fake: Images, *, rng: StepRNG
    ) -> tuple[Tensor, Tensor]:
        """Fake term of the discriminator, for further fakes such as mismatched pairs.

        Labels are drawn as in `discriminator`, and never flipped, as there is no real to change
        roles.

        Args:
            fake: (B, C, H, W) or a tuple of them, detached here.

        Returns:
            The 0-d term, and the mean probability or output as in `discriminator`, detached.

        Raises:
            ValueError: relativistic_avg, whose fake term is a comparison with reals.
        """
        if self.mode == 'relativistic_avg':
            raise ValueError(
                'GANLoss(mode=relativistic_avg) rejects only in comparison with real images; use '
                f'one of {", ".join(mode for mode in MODES if mode != self.mode)}'
            )
        outputs = self._outputs(discriminator, _detached(fake), rng)
        with _float32(outputs[0]):
            targets = self.labels.targets(self.labels.fake, outputs, rng=rng)
            terms = [self._discriminator_terms(f, f, y, y)[1] for f, y in zip(outputs, targets)]
            return self._over_scales(terms), self._mean_outputs(outputs, outputs)[2]

    def generator(
        self,
        discriminator: Discriminator,
        fake: Images,
        real: Images | None = None,
        *,
        rng: StepRNG,
    ) -> Tensor:
        """Term of the generator, 0-d: hard label 1, no smoothing, no flips.

        Args:
            real: needed by 'relativistic_avg' alone.

        Raises:
            ValueError: relativistic_avg without `real`.
        """
        if self.mode != 'relativistic_avg':
            fake_out = self._outputs(discriminator, fake, rng)
            return self._over_scales([self._generator_term(f) for f in fake_out])
        if real is None:
            raise ValueError(
                'GANLoss(mode=relativistic_avg) compares with real images: call '
                'generator(discriminator, fake, real=real, rng=rng)'
            )
        real_out = self._outputs(discriminator, _detached(real), rng)
        fake_out = self._outputs(discriminator, fake, rng)
        return self._over_scales(
            [
                nnf.softplus(r.mean() - f).mean() + nnf.softplus(r - f.mean()).mean()
                for r, f in zip(real_out, fake_out)
            ]
        )

    def _outputs(self, discriminator: Discriminator, img: Images, rng: StepRNG) -> list[Tensor]:
        if (noise := self.input_noise) is not None:
            img = noise(img, rng) if isinstance(img, Tensor) else tuple(noise(x, rng) for x in img)
        out = discriminator(img)
        return [scale.float() for scale in ([out] if isinstance(out, Tensor) else out)]

    def _discriminator_terms(
        self, r: Tensor, f: Tensor, y_real: Tensor, y_fake: Tensor
    ) -> tuple[Tensor, Tensor]:
        if self.mode == 'hinge':
            return nnf.relu(1 - r).mean(), nnf.relu(1 + f).mean()
        if self.mode == 'wgan':
            return -r.mean(), f.mean()
        if self.mode == 'relativistic_avg':
            return nnf.softplus(f.mean() - r).mean(), nnf.softplus(f - r.mean()).mean()
        return self._labelled(r, y_real), self._labelled(f, y_fake)

    def _generator_term(self, f: Tensor) -> Tensor:
        if self.mode in ('hinge', 'wgan'):
            return -f.mean()
        if self.mode == 'bce_saturating':
            return -nnf.softplus(f).mean()
        return self._labelled(f, torch.ones_like(f))

    def _labelled(self, out: Tensor, target: Tensor) -> Tensor:
        if self.mode in ('bce', 'bce_saturating'):
            return nnf.binary_cross_entropy_with_logits(out, target)
        if self.mode == 'bce_prob':
            with _float32(out):  # torch refuses it under autocast
                return nnf.binary_cross_entropy(out, target)
        return nnf.mse_loss(out.sigmoid() if self.mode == 'lsgan_sigmoid' else out, target)

    def _over_scales(self, terms: list[Tensor]) -> Tensor:
        weights = self.scale_weights or [1.0] * len(terms)
        if len(weights) != len(terms):
            raise ValueError(
                f'scale_weights has {len(weights)} values, the discriminator {len(terms)} '
                f'scales; give one a scale'
            )
        zero = terms[0].new_zeros(())
        total = sum((weight * term for weight, term in zip(weights, terms)), zero)
        return total / sum(weights) if self.scale_reduction == 'mean' else total

    @torch.no_grad()
    def _mean_outputs(self, real: list[Tensor], fake: list[Tensor]) -> tuple[str, Tensor, Tensor]:
        kind = 'p' if self.mode in (*SIGMOID_MODES, 'bce_prob') else 'o'
        means = [
            torch.stack(
                [(out.sigmoid() if self.mode in SIGMOID_MODES else out).mean() for out in outputs]
            ).mean()
            for outputs in (real, fake)
        ]
        return kind, means[0], means[1]


def _detached(img: Images) -> Images:
    return img.detach() if isinstance(img, Tensor) else tuple(each.detach() for each in img)


def _float32(like: Tensor) -> torch.autocast:
    return torch.autocast(like.device.type, enabled=False)
