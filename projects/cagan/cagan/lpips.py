"""LPIPS metric; its weights are the user's own files, none are shipped."""

from pathlib import Path

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torchvision.models import alexnet

from reidgen.checkpoint import read_checkpoint

MEAN, STD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of pictures in [-1, 1]
TAPS = (1, 4, 7, 9, 11)  # AlexNet's ReLUs


class LPIPS(nn.Module):
    """Learned perceptual distance (Zhang et al., CVPR 2018), version 0.1, on AlexNet.

    Sum over five layers of the spatial mean of the weighted squared difference of features that are
    normalised along their channels.

    Args:
        backbone: torchvision's AlexNet, a state dict (`alexnet-owt-*.pth`).
        heads: the linear weights, `lpips/weights/v0.1/alex.pth` of the `lpips` wheel.

    Raises:
        FileNotFoundError, ValueError: a file is missing, or does not hold these weights.
    """

    def __init__(self, backbone: str | Path, heads: str | Path):
        super().__init__()
        state, weights = read_checkpoint(backbone), read_checkpoint(heads)
        features = {key[9:]: value for key, value in state.items() if key.startswith('features.')}
        keys = [f'lin{number}.model.1.weight' for number in range(len(TAPS))]
        with torch.device('meta'):  # its classifier, most of it, is not needed
            network = alexnet(weights=None).features
        if set(features) != set(network.state_dict()) or not set(keys) <= set(weights):
            raise ValueError(
                f"{backbone} must be torchvision's AlexNet, and {heads} alex.pth of lpips 0.1"
            )
        network.load_state_dict(features, assign=True)
        for layer in network.modules():
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # what is tapped must stay
        self.network = network.eval().requires_grad_(False)
        self.heads = [weights[key].cpu() for key in keys]

    @torch.no_grad()
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances (B,) of uint8 images (B, 3, H, W), both sides 64 pixels or more."""
        distance = a.new_zeros(len(a), dtype=torch.float32)
        for head, one, other in zip(self.heads, self._features(a), self._features(b)):
            difference = (nnf.normalize(one, eps=1e-10) - nnf.normalize(other, eps=1e-10)) ** 2
            distance = distance + nnf.conv2d(difference, head).mean(dim=(1, 2, 3))
        return distance

    def _features(self, picture: Tensor) -> list[Tensor]:
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        x, found = (picture.float() / 127.5 - 1 - mean) / std, []
        for number, layer in enumerate(self.network):
            x = layer(x)
            if number in TAPS:
                found.append(x)
        return found
