"""FaceFrontalizer: frontal faces from profiles, their identity held by a frozen encoder."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.models import AdversarialModel, Phase
from reidgen.models.data_checks import check_paired_batches, drawn_loaders, image_size
from reidgen.models.network_checks import check_penalty
from reidgen.models.preprocessor import SYMMETRIC
from reidgen.registry import LOSSES, MODELS, build
from reidgen.structures import DomainBatch, ImageBatch, TwoViewBatch

from .losses import drift_loss, identity_loss, symmetry_loss

D_INPUTS = ('face', 'pair', 'pool2')
REALS = ('front', 'own')


class Frontalized(NamedTuple):
    """Features of a batch of profiles and the faces that are generated from them."""

    feature: Tensor  # (B, D) E(x), without gradient
    images: tuple[Tensor, ...]  # (B, 3, H, W) in [-1, 1], the finest first


@MODELS.register_module()
class FaceFrontalizer(AdversarialModel):
    """GAN that turns a profile into a frontal face of the same person, without pairs.

        x --E--> feature --G--> faces of one or three sizes
        L_G = fea (1 - cos(E(face), E(x))) + adv + l1 (to the true frontal face) + sym
        L_D = adv + gp + drift, of real frontal faces of anybody and of generated ones

    E is frozen; gradients flow through it into the face. Real faces of the smaller sizes are
    bilinear copies. The program of mx54039q (fnm, January 2018), before FNM (Qian et al., CVPR
    2019). Of several heads of D, adversarial terms are the mean, see GANLoss.scale_reduction; the
    program halves those of D: the weight `D/adv`.

    Args:
        networks: E (a FrozenEncoder) and G; and D, where it is adversarial.
        loss_weights: of fea; and, 0 by default, l1, sym, adv, gp and drift.
        gan_loss: config of the adversarial objective; WGAN by default.
        penalty: config of the gradient penalty, such as dict(kind='wgan_gp', reduction='sum').
        joint_penalty: one slope of the sum of all heads (WGAN-GP2); False: one a head, summed.
        pixel_loss: options of PixelLoss.
        d_input: what D is given: 'face', 'pair' (the profile beside it), or 'pool2' (VGG-16's maps
            of the face).
        reals: real faces of D: 'front' (of anybody, a loader of their own), or 'own' (the true
            frontal faces of the profiles).
        mirror_sum: G is given E(x) + E(mirrored x), so that both sides give one face.

    Raises:
        ValueError: a network is missing or does not fit the others, adv without D, gp without a
            penalty, or a penalty on a D with batch norm.
    """

    loss_families = ('fea', 'l1', 'sym', 'adv', 'gp', 'drift')
    default_weights = dict(l1=0.0, sym=0.0, adv=0.0, gp=0.0, drift=0.0)
    encoder_name = 'E'

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        gan_loss: dict | None = None,
        penalty: dict | None = None,
        joint_penalty: bool = False,
        pixel_loss: dict | None = None,
        d_input: str = 'face',
        reals: str = 'front',
        mirror_sum: bool = False,
    ):
        super().__init__(networks, loss_weights, SYMMETRIC)
        self.d_input = one_of(d_input, D_INPUTS, 'model.d_input')
        self.reals = one_of(reals, REALS, 'model.reals')
        self.mirror_sum, self.joint_penalty = mirror_sum, joint_penalty
        self.gan = build(gan_loss or dict(mode='wgan'), LOSSES, 'model.gan_loss', 'GANLoss')
        self.penalty = None
        if penalty is not None:
            self.penalty = build(penalty, LOSSES, 'model.penalty', 'GradientPenalty')
        self.pixel_loss = build(pixel_loss or {}, LOSSES, 'model.pixel_loss', 'PixelLoss')
        self._check_networks()
        self._check_weights(self.loss_weights, 'model')
        # kept here: a distributed wrapper around a network hides its attributes
        self.image_size, self.noise_dim = self.G.image_size, self.G.noise_dim
        self.d_scales = self.D.scales if 'D' in networks else 0

    @property
    def evaluated(self) -> tuple[str, ...]:
        return ('E', 'G')

    def phases(self) -> tuple[Phase, ...]:
        forward = self.forward_frontalization
        reads = ('profile', 'front') if self.reals == 'front' else ('profile',)
        if 'D' not in self.network_names:
            return (Phase('G', ('G',), self.generator_losses, forward, ('profile',)),)
        return (
            Phase('D', ('D',), self.discriminator_losses, forward, reads, detached=True),
            Phase('G', ('G',), self.generator_losses, forward, reads),
        )

    def forward_frontalization(self, batch) -> Frontalized:
        return self._frontalized(batch.profile.img)

    def _frontalized(self, profile: Tensor) -> Frontalized:
        with torch.no_grad():
            feature = self.E(profile)
            code = feature + self.E(profile.flip(-1)) if self.mirror_sum else feature
        if self.noise_dim:
            # none in evaluation, so that a profile has one frontal face
            size = len(code), self.noise_dim
            drawn = self.rng.normal_rows(*size) if self.training else torch.zeros(size)
            code = torch.cat([code, drawn.to(code)], dim=1)
        return Frontalized(feature, self.G(code))

    # ---- losses ----

    def discriminator_losses(self, batch, x: Frontalized) -> dict[str, Tensor]:
        fakes = tuple(img.detach() for img in x.images)
        real, fake = (self._judged(batch, imgs) for imgs in (self._reals(batch), fakes))
        terms = self.gan.discriminator('D', self.D, real, fake, rng=self.rng)
        if self.on('gp'):
            head = self._summed if self.joint_penalty else self.D
            terms |= self.penalty('D', head, real, fake, rng=self.rng)
        if self.on('drift'):
            terms['drift.D'] = drift_loss([*self._heads(real), *self._heads(fake)])
        return terms

    def generator_losses(self, batch, x: Frontalized) -> dict[str, Tensor]:
        face = x.images[0]
        terms = {'fea.x': identity_loss(self.E(face), x.feature)} if self.on('fea') else {}
        if self.on('l1'):
            terms['l1.x'] = self.pixel_loss(face, batch.profile.second)
        if self.on('sym'):
            terms['sym.x'] = symmetry_loss(face)
        if self.on('adv'):
            fake, real = (self._judged(batch, imgs) for imgs in (x.images, self._reals(batch)))
            terms['adv.D'] = self.gan.generator(self.D, fake, real=real, rng=self.rng)
        return terms

    def _reals(self, batch) -> tuple[Tensor, ...]:
        """Real frontal faces at the sizes that D is given."""
        img = batch.front.img if self.reals == 'front' else batch.profile.second
        copies = (
            nnf.interpolate(img, scale_factor=0.5**k, mode='bilinear', align_corners=False)
            for k in range(1, self.d_scales)
        )
        return (img, *copies)

    def _judged(self, batch, images: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
        """What D is given of faces, the finest first."""
        if self.d_scales > 1:
            return images
        if self.d_input == 'pair':
            return torch.cat([batch.profile.img, images[0]], dim=1)
        return self.E.pool2(images[0]) if self.d_input == 'pool2' else images[0]

    def _heads(self, img) -> Sequence[Tensor]:
        out = self.D(img)
        return [out] if isinstance(out, Tensor) else out

    def _summed(self, img) -> Tensor:
        """Sum of the outputs of all heads, (B,)."""
        return torch.stack([out.flatten(1).sum(1) for out in self._heads(img)]).sum(0)

    # ---- pictures ----

    def embed(self, img: Tensor) -> Tensor:
        """(B, D) features of the frontal faces of images, L2-normalised."""
        return nnf.normalize(self.E(self._frontalized(img).images[0]))

    def translate(self, batch: ImageBatch | DomainBatch | TwoViewBatch, to: str, style: int = 0):
        """Frontal faces (B, 3, H, W) of a batch's images; `to` is 'frontal'."""
        one_of(to, ('frontal',), 'the domain to translate to')
        return self.frontalize(batch.img)

    def frontalize(self, img: Tensor) -> Tensor:
        """Frontal faces (B, 3, H, W) in [-1, 1], at the finest size, of images in [-1, 1]."""
        return self._frontalized(img).images[0]

    def check_translation(self, dataset, images: str, to: str) -> None:
        one_of(to, ('frontal',), 'the domain to translate to')

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        columns = [('profile', batch.profile.img)]
        columns += [('frontalized', self._frontalized(batch.profile.img).images[0])]
        if hasattr(batch.profile, 'second'):
            columns.append(('true', batch.profile.second))
        return columns

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        if not self.d_scales:
            return {}
        made = self._frontalized(batch.profile.img).images[0]
        return {'frontalized': (made, self._reals(batch)[0])}

    # ---- checks ----

    def _check_networks(self) -> None:
        missing = sorted({'E', 'G'} - set(self.network_names))
        if missing:
            raise ValueError(
                f'FaceFrontalizer encodes by E and decodes by G; set '
                f'{", ".join(f"model.networks.{name}" for name in missing)}'
            )
        if self.G.code_dim != self.E.feat_dim:
            raise ValueError(
                f'model.networks.G.code_dim is {self.G.code_dim}, but E gives {self.E.feat_dim} '
                f'numbers; set it to that'
            )
        if 'D' not in self.network_names:
            return
        if self.D.scales > self.G.scales:
            raise ValueError(
                f'model.networks.D discriminates faces of {self.D.scales} sizes, but '
                f'{type(self.G).__name__} makes {self.G.scales}; use MultiScaleDecoder'
            )
        if self.D.scales > 1 and self.d_input != 'face':
            raise ValueError(
                f'model.d_input is {self.d_input!r}, but {type(self.D).__name__} is given faces of '
                f"several sizes; set d_input='face'"
            )
        if self.d_input == 'pool2' and not hasattr(self.E, 'pool2'):
            raise ValueError(
                f"model.d_input is 'pool2', but {type(self.E).__name__} has none; use FaceVGG16"
            )
        norms = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.D.modules())
        if self.penalty is not None and norms:
            raise ValueError(
                'model.penalty penalises slopes of single images, but batch norm in D mixes those '
                "of a batch; set model.networks.D.norm='layer'"
            )

    def _check_weights(self, weights: Mapping[str, float], place: str) -> None:
        on = {key.rpartition('/')[2] for key, weight in weights.items() if weight}
        of_d = on & {'adv', 'gp', 'drift'}
        if of_d and 'D' not in self.network_names:
            raise ValueError(
                f'{place}: loss_weights weighs {", ".join(sorted(of_d))}, but there is no '
                f'discriminator; set model.networks.D, or the weights to 0'
            )
        check_penalty(self, weights, place)

    def check_data(self, datasets, batch_sizes, stages) -> None:
        for stage in stages:
            self._check_weights(stage.loss_weights, f'stage {stage.name}')
            weights = {**self.loss_weights, **stage.loss_weights}
            paired = bool(weights['l1']) or (self.d_scales > 0 and self.reals == 'own')
            loaders = drawn_loaders(stage, datasets, ('profile', 'front'))
            if self.d_input == 'pair':
                check_paired_batches(batch_sizes, loaders, "D with d_input='pair'")
            for field, loader in loaders.items():
                dataset = datasets[loader]
                size = image_size(dataset)
                if size != self.image_size and (
                    field == 'front' or paired or self.d_input == 'pair'
                ):
                    told = ' x '.join(map(str, self.image_size))
                    raise ValueError(
                        f'train_dataloader.{loader} gives images of {size[0]} x {size[1]}, but G '
                        f'makes faces of {told}; set the transforms of its data set to that size'
                    )
                if field == 'profile' and paired and not hasattr(dataset[0], 'second'):
                    raise ValueError(
                        f"stage {stage.name}: l1, and D with reals='own', compare with the true "
                        f'frontal face, but {dataset.name} (train_dataloader.{loader}) has none; '
                        f"wrap it in FrontalPairs, or set loss_weights=dict(l1=0) and reals='front'"
                    )
