"""Frozen face encoders: the features that a face is generated from, and compared by."""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torchvision.models import get_model

from reidgen.checkpoint import check_values, match, read_weights
from reidgen.choices import check_count, one_of
from reidgen.models.preprocessor import IMAGENET_MEAN, IMAGENET_STD
from reidgen.registry import ENCODERS, build_network
from reidgen.structures import Code

# mean colours in 0..255, R, G, B, of the published networks
VGGFACE2_MEAN = (131.0912, 103.8827, 91.4953)
VGGFACE_MEAN = (129.1863, 104.7624, 93.5940)
NAMES_SHOWN = 4  # of tensors, in an error
FEATURES = ('relu7', 'fc7')
POOL2 = 10  # layers of VGG-16 up to its second pooling
FC7 = 4  # layers of its classifier up to the second linear one; dropout rests


class FrozenEncoder(nn.Module):
    """Base of the face encoders: images in [-1, 1] to features; never trained, always in eval mode.

    No parameter has a gradient, batch norms keep their statistics, and gradients flow through to
    the images.

    Args:
        mean, std: of the three channels (R, G, B) in 0..255; the network is given
            (image - mean) / std.
        bgr: the network is given B, G, R.

    Attributes:
        feat_dim: of the features.
        img_size: the only (height, width) of images that it takes; None: any.
    """

    feat_dim: int
    img_size: tuple[int, int] | None = None

    def __init__(self, mean: Sequence[float], std: Sequence[float], bgr: bool):
        super().__init__()
        if len(mean) != 3 or len(std) != 3:
            raise ValueError(f'mean is {mean} and std {std}; give three numbers each, R, G, B')
        self.bgr = bgr
        for name, values in (('mean', mean), ('std', std)):
            values = torch.tensor([float(value) for value in values], device='cpu').view(3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def features(self, img: Tensor) -> Tensor:
        """(B, feat_dim) of images (B, 3, H, W) as the network is given them."""
        raise NotImplementedError

    def forward(self, img: Tensor) -> Tensor:
        """Features (B, feat_dim), not normalised, of images (B, 3, H, W) in [-1, 1]."""
        return self.features(self.prepared(img))

    def prepared(self, img: Tensor) -> Tensor:
        """Images in [-1, 1] as the network is given them."""
        img = ((img + 1) * 127.5 - self.mean) / self.std
        return img.flip(1) if self.bgr else img

    def freeze(self) -> None:
        """Freezes all parameters for good; the last line of a subclass's constructor."""
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> 'FrozenEncoder':
        return super().train(False)


@ENCODERS.register_module()
class FaceResNet50(FrozenEncoder):
    """ResNet-50 of VGGFace2 (Cao et al., FG 2018): 2048 numbers, the mean of its last map.

    The layout of Caffe: the stride of a block is in its first 1 x 1 convolution, and the first
    pooling has no padding. Input is B, G, R less the mean colour. Tensor names are torchvision's.

    Args:
        weights: path of a state dict; None: at random, for tests.
        mean: R, G, B in 0..255. The program of 2018 has red and blue exchanged.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file holds other tensors.
    """

    feat_dim = 2048

    def __init__(self, weights: str | None = None, mean: Sequence[float] = VGGFACE2_MEAN):
        super().__init__(mean, (1, 1, 1), bgr=True)
        network = get_model('resnet50', weights=None)
        network.maxpool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        for layer in (network.layer2, network.layer3, network.layer4):
            layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
        network.fc = nn.Identity()
        self.network = network
        load_frozen(self.network, weights, type(self).__name__)
        self.freeze()

    def features(self, img: Tensor) -> Tensor:
        return self.network(img)


@ENCODERS.register_module()
class FaceVGG16(FrozenEncoder):
    """VGG-16 of VGG-Face (Parkhi et al., BMVC 2015): 4096 numbers of its second linear layer.

    Tensor names are torchvision's; input is R, G, B less the mean colour, 224 x 224 alone.

    Args:
        feature: 'relu7', or 'fc7' before the ReLU.
        weights, mean: as of FaceResNet50.

    Raises:
        FileNotFoundError, ValueError: as FaceResNet50; ValueError for an unknown feature.
    """

    feat_dim = 4096
    img_size = (224, 224)

    def __init__(
        self,
        feature: str = 'relu7',
        weights: str | None = None,
        mean: Sequence[float] = VGGFACE_MEAN,
    ):
        super().__init__(mean, (1, 1, 1), bgr=False)
        one_of(feature, FEATURES, 'feature')
        network = get_model('vgg16', weights=None)
        network.classifier = network.classifier[: FC7 + (feature == 'relu7')]
        for layer in network.modules():
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # what a discriminator is given must stay
        self.network = network
        load_frozen(self.network, weights, type(self).__name__)
        self.freeze()

    def features(self, img: Tensor) -> Tensor:
        return self.network(img)

    def pool2(self, img: Tensor) -> Tensor:
        """Maps (B, 128, H / 4, W / 4) after the second pooling of images in [-1, 1]."""
        return self.network.features[:POOL2](self.prepared(img))


@ENCODERS.register_module()
class FrozenTrunk(FrozenEncoder):
    """Any registered network as a frozen face encoder.

    Args:
        network: its config, such as dict(type='ContentEncoder', trunk='resnet18'). It gives
            features (B, D), or a Code, whose embedding is taken.
        weights: the network's key `weights`, here where a checkpoint that has them all can drop
            it; None: as `network` says.
        feat_dim: D; None: the network's `embed_dim`.
        mean, std: in 0..255; ImageNet's by default.
        bgr: the network is given B, G, R.

    Raises:
        ValueError: feat_dim is not given and not known.
    """

    def __init__(
        self,
        network: dict,
        weights: str | None = None,
        feat_dim: int | None = None,
        mean: Sequence[float] = tuple(255 * value for value in IMAGENET_MEAN),
        std: Sequence[float] = tuple(255 * value for value in IMAGENET_STD),
        bgr: bool = False,
    ):
        super().__init__(mean, std, bgr)
        if weights is not None:
            network = dict(network, weights=weights)
        self.network = build_network(network, 'network')
        known = getattr(self.network, 'embed_dim', feat_dim)
        self.feat_dim = known if feat_dim is None else feat_dim
        if self.feat_dim is None:
            raise ValueError(
                f'feat_dim is not given and {type(self.network).__name__} has no embed_dim; set '
                f'feat_dim to the number of its features'
            )
        check_count('feat_dim', self.feat_dim)
        self.img_size = getattr(self.network, 'img_size', None)
        self.freeze()

    def features(self, img: Tensor) -> Tensor:
        out = self.network(img)
        return out.embedding if isinstance(out, Code) else out


def load_frozen(network: nn.Module, weights: str | None, who: str) -> None:
    """Loads all tensors of a network; what is left of the file, a classifier, is named in the log.

    Args:
        weights: path; None leaves the network at random, with a warning.
        who: name of the encoder, for messages.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a tensor is missing or has another shape, or the file is damaged.
    """
    if weights is None:
        print_log(
            f'{who}: random weights (weights=None): its features tell no persons apart; set '
            f'model.networks.E.weights for anything but tests',
            'current',
            level=logging.WARNING,
        )
        return
    if not Path(weights).expanduser().is_file():
        raise FileNotFoundError(
            f'{who}: no weights at {Path(weights).absolute()}. They are not shipped: give a state '
            f"dict with torchvision's tensor names as model.networks.E.weights=PATH (None: at "
            f'random, for tests)'
        )
    state, source = read_weights(weights)
    own = network.state_dict()
    read = match(own, state, source)
    lacking = [
        key
        for key in own
        if not key.endswith('num_batches_tracked')
        and (key not in read.found or read.found[key].shape != own[key].shape)
    ]
    if lacking:
        raise ValueError(
            f'{source} does not fit {who}: {len(lacking)} of {len(own)} tensors are missing or of '
            f'another shape ({", ".join(lacking[:NAMES_SHOWN])}); give a state dict with '
            f"torchvision's tensor names"
        )
    check_values(read.found, own, source)
    network.load_state_dict(read.found, strict=False)
    print_log(f'{who}: weights from {source}; not used: {read.left or "none"}', 'current')
