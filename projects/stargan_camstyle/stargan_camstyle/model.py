"""StarGAN: camera style transfer within one domain."""

import re
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from reidgen.losses import GANLoss, GradientPenalty
from reidgen.models import AdversarialModel, Phase
from reidgen.models.data_checks import drawn_loaders, image_size
from reidgen.models.preprocessor import SYMMETRIC
from reidgen.registry import MODELS
from reidgen.structures import ImageBatch

READS = ('target',)  # fields of the batch


class Restyled(NamedTuple):
    """A batch translated to other cameras' styles."""

    x_new: Tensor  # (B, 3, H, W) G(x, camid)
    camid: Tensor  # (B,) int64 the cameras it is translated for


@MODELS.register_module()
class StarGAN(AdversarialModel):
    """Camera style transfer (StarGAN: Choi et al., CVPR 2018; for re-ID: Zhong et al., ECCV 2018).

        x of camera c --G(., c')--> x_new --G(., c)--> ~ x

    D scores patches (WGAN with gradient penalty) and classifies cameras; G minimises the
    adversarial term, the classification loss of the target camera and the reconstruction error. The
    target cameras are those of the batch, permuted. D steps each time, G in the last of every
    `discriminator_steps` iterations. The identity term, an option, is the L1 change of an image
    translated to its own camera (CycleGAN, Zhu et al., ICCV 2017, section 5.2): without it G may
    invert all colours and invert them again in the reconstruction.

    Args:
        networks: G (CameraGenerator) and D (CameraDiscriminator).
        loss_weights: of adv, gp, camera (classification), recon and idt (0: as published).
        discriminator_steps: iterations a step of G.
    """

    loss_families = ('adv', 'gp', 'camera', 'recon', 'idt')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        discriminator_steps: int = 5,
    ):
        if discriminator_steps < 1:
            raise ValueError(f'model.discriminator_steps is {discriminator_steps}; set 1 or more')
        super().__init__(networks, loss_weights, SYMMETRIC)
        self.discriminator_steps = discriminator_steps
        self.penalty = GradientPenalty(reduction='sum')  # the slope of the sum over D's patches
        # kept here: a distributed wrapper around a network hides its attributes
        self.num_cameras, self.image_size = self.D.num_cameras, self.D.image_size
        if self.G.num_cameras != self.num_cameras:
            raise ValueError(
                f'model.networks.G.num_cameras is {self.G.num_cameras}, that of D '
                f'{self.num_cameras}; make them equal'
            )

    def phases(self) -> tuple[Phase, ...]:
        shared = dict(forward=self.forward_translation, reads=READS)
        return (
            Phase('D', ('D',), self.discriminator_losses, **shared, detached=True),
            Phase('G', ('G',), self.generator_losses, **shared, every=self.discriminator_steps),
        )

    def forward_translation(self, batch) -> Restyled:
        x = batch.target
        order = self.rng.rows(len(x.camid), device=x.camid.device).argsort()
        return Restyled(self.G(x.img, x.camid[order]), x.camid[order])

    def discriminator_losses(self, batch, x: Restyled) -> dict[str, Tensor]:
        """WGAN losses of D (Arjovsky et al., 2017), gradient penalty and camera classification."""
        img, x_new = batch.target.img, x.x_new.detach()
        real, translated = self.D(img), self.D(x_new)
        losses = {
            'adv.D.real': -real.realness.float().mean(),
            'adv.D.fake': translated.realness.float().mean(),
            'camera.real': self._camera(real.cameras, batch.target.camid),
            'stat.camera_accuracy': accuracy(real.cameras, batch.target.camid),
        }
        if self.on('gp'):
            losses |= self.penalty('D', self._score, img, x_new, rng=self.rng)
        return losses

    def generator_losses(self, batch, x: Restyled) -> dict[str, Tensor]:
        translated = self.D(x.x_new)
        back = self.G(x.x_new, batch.target.camid)
        losses = {
            'adv.D': -translated.realness.float().mean(),
            'camera.fake': self._camera(translated.cameras, x.camid),
            'recon.back': nnf.l1_loss(back.float(), batch.target.img),
            'stat.camera_accuracy': accuracy(translated.cameras, x.camid),
        }
        if self.on('idt'):
            same = self.G(batch.target.img, batch.target.camid)
            losses['idt.own'] = nnf.l1_loss(same.float(), batch.target.img)
        return losses

    # ---- using it ----

    def translate(self, batch: ImageBatch, to: str, style: int = 0) -> Tensor:
        """Batch (B, 3, H, W) in the style of camera `to`: 'c1', 'c2', ... as in file names.

        Raises:
            ValueError: there is no such camera.
        """
        match = re.fullmatch(r'c(\d+)', to)
        if match is None or not 1 <= int(match[1]) <= self.num_cameras:
            raise ValueError(f"to is '{to}'; the cameras are 'c1' to 'c{self.num_cameras}'")
        return self.G(batch.img, torch.full_like(batch.camid, int(match[1]) - 1))

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        x = batch.target
        translated = {f'c{k + 1}': self.translate(x, f'c{k + 1}') for k in range(self.num_cameras)}
        back = self.G(translated['c1'], x.camid)
        return [('x', x.img), *translated.items(), ('c1, back', back)]

    @property
    def gan_loss(self) -> GANLoss:
        """The criterion that the losses above write out."""
        return GANLoss(mode='wgan')

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        x = batch.target
        return {'c1': (self.translate(x, 'c1'), x.img)}

    def check_data(self, datasets, batch_sizes, stages) -> None:
        for stage in stages:
            for loader in drawn_loaders(stage, datasets, READS).values():
                self._check_images(datasets[loader])

    # ---- parts ----

    def _check_images(self, dataset) -> None:
        num_cameras = int(dataset.camids.max()) + 1
        if num_cameras != self.num_cameras:
            raise ValueError(
                f'{dataset.name} has {num_cameras} cameras but model.networks has num_cameras='
                f'{self.num_cameras}; set it to {num_cameras} in G and D'
            )
        size = image_size(dataset)
        if size != self.image_size:
            raise ValueError(
                f'model.networks.D.image_size is {self.image_size} but the images of '
                f'{dataset.name} are {size} after their transforms; make them equal'
            )

    def _score(self, img: Tensor) -> Tensor:
        return self.D(img).realness

    def _camera(self, logits: Tensor, camid: Tensor) -> Tensor:
        return nnf.cross_entropy(logits.float(), camid)


def accuracy(logits: Tensor, camid: Tensor) -> Tensor:
    """Camera classification accuracy, 0-d."""
    return (logits.argmax(1) == camid).float().mean()
