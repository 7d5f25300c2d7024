"""PoseTranslation: a conditional GAN between pictures of people and maps of their poses."""

from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from reidgen.choices import check_count, one_of
from reidgen.engine.generation import shown
from reidgen.models.adversarial import AdversarialModel
from reidgen.models.data_checks import check_discriminated_size, drawn_loaders
from reidgen.models.phases import Phase
from reidgen.models.preprocessor import SYMMETRIC
from reidgen.registry import LOSSES, MODELS, build
from reidgen.structures import DomainBatch

MADE = dict(to_maps='maps', to_picture='picture')  # direction -> what G makes


class Translated(NamedTuple):
    """A batch from one end to the other."""

    x: Tensor  # (B, C, H, W) the condition, in [-1, 1] as all
    y: Tensor  # (B, C', H, W) what belongs to it
    fake: Tensor  # (B, C', H, W) G(x)


@MODELS.register_module()
class PoseTranslation(AdversarialModel):
    """pix2pix (Isola et al., CVPR 2017) from pictures to pose maps or back.

        x --G--> fake        D(x, y) real, D(x, fake) fake, on patches
        L_D = adv / 2        L_G = adv + 100 |y - fake|

    D steps first, then G against the moved D. The paper's half on the objective of D is the weight
    `D/adv`. Of sparse maps the least |y - fake| of a joint whose place is uncertain is that of a
    black map; the square, whose least value is the mean map, is the family `l2`.

    Args:
        networks: G from in_channels to out_channels and D of in_channels, such as UNetGenerator and
            PatchGAN; these numbers are set here.
        loss_weights: of adv and l1, and of l2 (0 by default).
        map_channels: of the pose maps.
        direction: 'to_maps': a picture is the condition; 'to_picture': pose maps are.
        gan_loss: config of the adversarial objective; BCE by default, non-saturating.

    Raises:
        ValueError: G or D is missing or has other channels, or an unknown direction.
    """

    loss_families = ('adv', 'l1', 'l2')
    default_weights = dict(l2=0.0)

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        map_channels: int,
        direction: str = 'to_maps',
        gan_loss: dict | None = None,
    ):
        self.made = MADE[one_of(direction, tuple(MADE), 'model.direction')]
        check_count('model.map_channels', map_channels)
        self.map_channels = map_channels
        x, y = (3, map_channels) if self.made == 'maps' else (map_channels, 3)
        channels = dict(G=dict(in_channels=x, out_channels=y), D=dict(in_channels=x + y))
        super().__init__(_with_channels(networks, channels), loss_weights, SYMMETRIC)
        self.gan = build(gan_loss or dict(type='GANLoss'), LOSSES, 'model.gan_loss')

    def phases(self) -> tuple[Phase, ...]:
        shared = (self.forward_translation, ('real',))
        return (
            Phase('D', ('D',), self.discriminator_losses, *shared, detached=True),
            Phase('G', ('G',), self.generator_losses, *shared),
        )

    def forward_translation(self, batch) -> Translated:
        img, maps = batch.real.img, batch.real.pose_map
        x, y = (img, maps) if self.made == 'maps' else (maps, img)
        return Translated(x, y, self.G(x))

    def discriminator_losses(self, batch, x: Translated) -> dict[str, Tensor]:
        real, fake = (torch.cat([x.x, image], dim=1) for image in (x.y, x.fake))
        return self.gan.discriminator('D', self.D, real, fake, rng=self.rng)

    def generator_losses(self, batch, x: Translated) -> dict[str, Tensor]:
        real, fake = (torch.cat([x.x, image], dim=1) for image in (x.y, x.fake))
        losses = {
            'adv.D': self.gan.generator(self.D, fake, real=real, rng=self.rng),
            'l1.y': nnf.l1_loss(x.fake.float(), x.y.float()),
        }
        if self.on('l2'):
            losses['l2.y'] = nnf.mse_loss(x.fake.float(), x.y.float())
        return losses

    # ---- pictures ----

    def translate(self, batch: DomainBatch, to: str, style: int = 0) -> Tensor:
        """Pictures (B, 3, H, W), or the largest channel (B, 1, H, W) of pose maps."""
        one_of(to, (self.made,), 'the domain to translate to')
        return shown(self.G(batch.img if self.made == 'maps' else batch.pose_map))

    def check_translation(self, dataset, images: str, to: str) -> None:
        one_of(to, (self.made,), 'the domain to translate to')
        self._check_images(dataset, images)

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        x = self.forward_translation(batch)
        return [('x', shown(x.x)), ('G(x)', shown(x.fake)), ('y', shown(x.y))]

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        x = self.forward_translation(batch)
        return {self.made: (x.fake, x.y)}

    # ---- checks ----

    def check_data(self, datasets, batch_sizes, stages) -> None:
        for stage in stages:
            for loader in drawn_loaders(stage, datasets, ('real',)).values():
                self._check_images(datasets[loader], loader)

    def _check_images(self, dataset, loader: str) -> None:
        if dataset.map_channels != self.map_channels:
            raise ValueError(
                f'model.map_channels is {self.map_channels} but the pose maps of {dataset.name} '
                f'(train_dataloader.{loader}) have {dataset.map_channels} channels; make them equal'
            )
        item = dataset[0]
        size, map_size = (tuple(each.shape[-2:]) for each in (item.img, item.pose_map))
        if size != map_size:
            raise ValueError(
                f'the images of {dataset.name} (train_dataloader.{loader}) are {size} and their '
                f'pose maps {map_size} after the transforms; set Resize, which brings both to one '
                f'size'
            )
        check_discriminated_size(self, *size)


def _with_channels(networks: dict[str, dict], channels: dict[str, dict]) -> dict[str, dict]:
    """Networks with the channels of each; raises ValueError where one is missing or has others."""
    filled = dict(networks)
    for name, wanted in channels.items():
        if name not in networks:
            raise ValueError(
                f'PoseTranslation translates by the networks G and D; set model.networks.{name}'
            )
        for key, value in wanted.items():
            if networks[name].get(key, value) != value:
                raise ValueError(
                    f'model.networks.{name}.{key} is {networks[name][key]}, but map_channels and '
                    f'direction make it {value}; leave it out'
                )
        filled[name] = dict(networks[name], **wanted)
    return filled
