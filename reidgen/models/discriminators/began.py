"""BEGANDiscriminator: an auto-encoder."""

from torch import Tensor, nn

from reidgen.models.discriminators.fixed_size import FixedSize
from reidgen.models.generators.began import BEGANGenerator
from reidgen.models.layers.init import xavier_init
from reidgen.registry import DISCRIMINATORS


@DISCRIMINATORS.register_module()
class BEGANDiscriminator(FixedSize, nn.Module):
    """Discriminator of BEGAN (Berthelot et al., 2017): an auto-encoder without norm layers.

        x -> conv, ELU -> (conv, ELU, conv, ELU, conv of stride 2 but in the last, ELU) x blocks
          -> Linear -> code -> decoder, of the form of BEGANGenerator with weights of its own

    Block i has i times `base_dim` channels.

    Args:
        image_size, latent_dim, channels, base_dim, base_size, skip: as of BEGANGenerator;
            `latent_dim` is the width of the code.

    Raises:
        ValueError: an image that is no such size.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        latent_dim: int = 64,
        channels: int = 3,
        base_dim: int = 128,
        base_size: tuple[int, int] = (8, 8),
        skip: bool = False,
    ):
        super().__init__()
        self.decoder = BEGANGenerator(image_size, latent_dim, channels, base_dim, base_size, skip)
        self.image_size = self.decoder.image_size
        num_blocks = len(self.decoder.blocks)
        layers = [nn.Conv2d(channels, base_dim, 3, 1, 1), nn.ELU()]
        dim = base_dim
        for number in range(1, num_blocks + 1):
            wide = number * base_dim
            layers += [nn.Conv2d(dim, wide, 3, 1, 1), nn.ELU()]
            layers += [nn.Conv2d(wide, wide, 3, 1, 1), nn.ELU()]
            if number < num_blocks:
                layers += [nn.Conv2d(wide, wide, 3, 2, 1), nn.ELU()]
            dim = wide
        height, width = base_size
        self.encoder = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(dim * height * width, latent_dim)
        )
        xavier_init(self.encoder)

    def forward(self, img: Tensor) -> Tensor:
        """Reconstructions (B, C, H, W) of images (B, C, H, W), not limited to [-1, 1].

        Raises:
            ValueError: images of another size than `image_size`.
        """
        return self.decoder(self.encode(img))

    def encode(self, img: Tensor) -> Tensor:
        """Codes (B, Z) of images (B, C, H, W); raises as `forward`."""
        self.check_size(*img.shape[2:])
        return self.encoder(img)
