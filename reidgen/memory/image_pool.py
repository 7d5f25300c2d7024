"""ImagePool: a history of generated images for discriminators."""

import torch
from mmengine.dist import all_gather, get_dist_info
from torch import Tensor, nn

from reidgen.registry import MEMORIES
from reidgen.rng import StepRNG


@MEMORIES.register_module()
class ImagePool(nn.Module):
    """History buffer of generated images for training a discriminator.

    Shrivastava et al. (CVPR 2017), as in CycleGAN (Zhu et al., ICCV 2017). Until it is full it
    keeps and returns every image; then, with probability 1/2, an image takes the place of a random
    old one, which is returned instead. Everything is a buffer, hence saved and moved with the
    model. Several processes keep equal pools of the images of all.

    Args:
        image_size: (height, width) of the images.
        size: images it holds; 0 returns every image as it is.

    Attributes:
        images: (size, 3, H, W) float32.
        count: 0-d int64, images held.
    """

    images: Tensor
    count: Tensor

    def __init__(self, image_size: tuple[int, int], size: int = 50):
        super().__init__()
        if size < 0:
            raise ValueError(f'size is {size}; set the number of images to keep, 0 for no pool')
        self.size = size
        self.register_buffer('images', torch.zeros(size, 3, *image_size))
        self.register_buffer('count', torch.tensor(0))

    @torch.no_grad()
    def forward(self, images: Tensor, *, rng: StepRNG) -> Tensor:
        """Images for the discriminator: these or older ones, copied, without gradient.

        Args:
            images: (B, 3, H, W) just generated.
            rng: random numbers of the step.

        Raises:
            ValueError: the images have another size than the pool's.
        """
        if images.shape[1:] != self.images.shape[1:]:
            raise ValueError(
                f'the ImagePool keeps images of {tuple(self.images.shape[1:])} (channels, height, '
                f'width), but was given {tuple(images.shape[1:])}; '
                f'set model.pool.image_size={tuple(images.shape[2:])}'
            )
        rank, world_size = get_dist_info()
        gathered = images.float() if world_size == 1 else torch.cat(all_gather(images.float()))
        shown = torch.stack([self._exchange(image, rng) for image in gathered])
        return shown[rank * len(images) : (rank + 1) * len(images)].to(images)

    def _exchange(self, image: Tensor, rng: StepRNG) -> Tensor:
        if self.count < self.size:
            self.images[self.count] = image
            self.count += 1
            return image.clone()
        if self.size == 0 or rng.uniform() < 0.5:
            return image.clone()
        place = int(rng.uniform(0, self.size))
        old = self.images[place].clone()
        self.images[place] = image
        return old
