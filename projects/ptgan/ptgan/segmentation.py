"""Foreground masks of real images from a segmentation network of torchvision."""

from pathlib import Path

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from reidgen.checkpoint import hub_file, read_checkpoint
from reidgen.models.preprocessor import IMAGENET_MEAN, IMAGENET_STD

NETWORKS = (
    'deeplabv3_resnet50',
    'deeplabv3_resnet101',
    'fcn_resnet50',
    'lraspp_mobilenet_v3_large',
)

HEIGHT = 520  # to which pictures are enlarged: the networks were trained at it


class PersonSegmenter(nn.Module):
    """Person segmentation by a network trained on COCO with the classes of Pascal VOC.

    The paper has PSPNet (Zhao et al., CVPR 2017), which torchvision does not have.

    Args:
        network: torchvision's name, one of NETWORKS.
        weights: a .pth or .safetensors file; None: torchvision's, of its hub or the cache. There
            is no random start.

    Raises:
        ValueError: an unknown network, or weights that do not fit it.
        FileNotFoundError: the weights cannot be had.
    """

    def __init__(
        self,
        network: str = 'deeplabv3_resnet50',
        weights: str | Path | None = None,
    ):
        super().__init__()
        if network not in NETWORKS:
            raise ValueError(f'network is {network!r}; choose one of {", ".join(NETWORKS)}')
        published = get_model_weights(network).DEFAULT
        self.person = published.meta['categories'].index('person')
        path = weights or hub_file(
            published.url, f'weights of {network}', 'give a local file (--weights)'
        )
        state = read_checkpoint(path)
        auxiliary = any(key.startswith('aux_classifier') for key in state)
        given = dict(aux_loss=True) if auxiliary else {}
        self.network = get_model(network, weights=None, weights_backbone=None, **given)
        try:
            self.network.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(
                f'{path} does not fit {network}: {str(error).splitlines()[1].strip()} ...; give '
                f"the file of torchvision's {network}"
            ) from error
        self.register_buffer('mean', torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)
        self.eval()

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Mask (1, H, W) uint8, 255 on the person, of one image (3, H, W) uint8."""
        height, width = image.shape[1:]
        size = (HEIGHT, max(1, round(HEIGHT * width / height)))
        x = nnf.interpolate(image[None].float() / 255, size, mode='bilinear', antialias=True)
        logits = self.network((x - self.mean) / self.std)['out']
        logits = nnf.interpolate(logits, (height, width), mode='bilinear')
        return (logits.argmax(1) == self.person).to(torch.uint8) * 255
