"""Trunks from timm: convolutional networks and transformers of some thousand names."""

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reidgen.choices import listed
from reidgen.models.preprocessor import IMAGENET_MEAN, IMAGENET_STD

PREFIX = 'timm/'
PROBE = (64, 32)  # image size at which the effect of last_stride=1 is looked at
WEIGHTS = 'model.safetensors'  # of a repository on timm's hub


class TimmTrunk:
    """A timm model up to its last map: how it is built and read.

    The last map is timm's last intermediate feature, normalised where the model ends so: the map of
    the last stage of a convolutional network, or the patch tokens of a transformer laid out as a
    map, without class and register tokens. What comes after it is cut off.

    Args:
        name: 'timm/' and timm's name, with or without the tag of its weights.
        last_stride: 1 takes the stride out of the last stage; a plain transformer has none.
        img_size: height and width of the images, for a model whose position embeddings are made for
            one size; None: the size that timm gives it.

    Attributes:
        channels: of the last map.
        early_channels: of the map at a quarter of the size; 0 where there is none.
        img_size: the only size of images that it takes; None: any.

    Raises:
        ImportError: timm is not installed.
        ValueError: timm has no such model, or cannot build it so; last_stride=1 where the last
            stage's stride cannot be taken out.
    """

    memory_format = torch.contiguous_format

    def __init__(self, name: str, last_stride: int = 1, img_size: tuple[int, int] | None = None):
        self.name, self.last_stride = name, last_stride
        config = checked(name)
        self.img_size = None
        if config.fixed_input_size:
            self.img_size = tuple(img_size or config.input_size[1:])
        elif img_size is not None:
            raise ValueError(
                f'img_size is {img_size}, but the trunk {name} takes images of any size; leave it '
                f'out'
            )
        with torch.device('meta'):
            features = list(self._whole().feature_info)
        self.channels = features[-1]['num_chs']
        # a transformer of one scale has nothing to halve
        self.strided = len(features) > 1 and features[-1]['reduction'] > features[-2]['reduction']
        self.stage_before = features[-2]['module'] if self.strided else ''
        early = [number for number, each in enumerate(features) if each['reduction'] == 4]
        self.early = early[-1] if early else None
        self.early_channels = features[early[-1]]['num_chs'] if early else 0
        self.last = len(features) - 1

    def build(self) -> Any:
        """The model, with timm's tensor names, at a random start."""
        network = self._whole()
        network.prune_intermediate_layers([self.last], prune_norm=False, prune_head=True)
        if self.strided and self.last_stride == 1:
            before = self._probed(network)
            remove_stride(modules_after(network, self.stage_before))
            after = self._probed(network)
            if after != tuple(2 * side for side in before):
                raise ValueError(
                    f'last_stride is 1, but the last stride of the trunk {self.name} cannot be '
                    f'taken out; set last_stride=2'
                )
        return network

    def maps(self, network: Any, img: Tensor, early: bool = True) -> tuple[Tensor, Tensor]:
        """Early and last map of images (B, 3, H, W), of one pass; the last twice where no early
        one is there or asked for.

        Raises:
            ValueError: images of another size than img_size.
        """
        if self.img_size is not None and tuple(img.shape[2:]) != self.img_size:
            raise ValueError(
                f'the trunk {self.name} is built for images of {self.img_size[0]} x '
                f'{self.img_size[1]}, but is given {img.shape[2]} x {img.shape[3]}; set img_size '
                f'of the encoder to the size of Resize in the transforms'
            )
        early = early and self.early is not None
        taken = [self.early, self.last] if early else [self.last]
        found = network.forward_intermediates(
            img, indices=taken, norm=True, intermediates_only=True, output_fmt='NCHW'
        )
        return found[0], found[-1]

    def early_layers(self, network: Any) -> list[nn.Module]:
        """Layers up to the early map, which timm does not tell.

        Raises:
            ValueError: always.
        """
        raise ValueError(f'freeze_at is of torchvision trunks; set freeze_at=0 for {self.name}')

    def _whole(self) -> Any:
        timm = imported()
        size = {} if self.img_size is None else dict(img_size=self.img_size)
        try:
            network = timm.create_model(self.name.removeprefix(PREFIX), pretrained=False, **size)
        except (RuntimeError, TypeError, ValueError, AssertionError) as error:
            at = f' for images of {self.img_size}' if size else ''
            raise ValueError(f'timm cannot build the trunk {self.name}{at}: {error}') from error
        if not hasattr(network, 'prune_intermediate_layers'):
            raise ValueError(
                f'the trunk {self.name} gives no intermediate features in this version of timm; '
                f'choose another'
            )
        return network

    @torch.no_grad()
    def _probed(self, network: Any) -> tuple[int, ...]:
        """Size of the last map of an image of PROBE, in eval mode."""
        training, size = network.training, self.img_size or PROBE
        img = torch.zeros(1, 3, *size, device=next(network.parameters()).device)
        network.eval()
        try:
            found = network.forward_intermediates(
                img, indices=[self.last], intermediates_only=True, output_fmt='NCHW'
            )
            return tuple(found[0].shape[2:])
        except (RuntimeError, AssertionError):  # maps that no longer fit each other
            return ()
        finally:
            network.train(training)


def modules_after(network: Any, name: str) -> list[nn.Module]:
    """Modules registered after the one of a name and what is in it."""
    names = [each for each, _ in network.named_modules()]
    within = [number for number, each in enumerate(names) if f'{each}.'.startswith(f'{name}.')]
    return list(network.modules())[within[-1] + 1 :]


def remove_stride(layers: Iterable[nn.Module]) -> None:
    """Sets strides of 2 of convolutions and average poolings to 1, in place."""
    for layer in layers:
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
            layer.stride = (1, 1)
        elif isinstance(layer, nn.AvgPool2d) and layer.stride in (2, (2, 2)):
            layer.kernel_size = layer.stride = 1


def imported() -> Any:
    """The package timm.

    Raises:
        ImportError: it is not installed; names the extra.
    """
    try:
        import timm
    except ImportError as error:
        raise ImportError(
            "trunks named 'timm/...' need timm: pip install 'reidgen[timm]', or take one of "
            'torchvision, such as resnet50'
        ) from error
    return timm


def checked(name: str) -> Any:
    """Timm's description of a trunk and its weights.

    Raises:
        ValueError: timm has no model of this name, or not with this tag; names near ones.
    """
    timm, own = imported(), name.removeprefix(PREFIX)
    architecture, _, tag = own.partition('.')
    if not timm.is_model(architecture):
        near = get_close_matches(architecture, timm.list_models(), 5)
        raise ValueError(
            f'trunk is {name!r}, but timm {timm.__version__} has no model {architecture!r}; near: '
            f'{listed(PREFIX + each for each in near)}'
        )
    try:
        return timm.get_pretrained_cfg(own) or timm.models.PretrainedCfg()
    except RuntimeError as error:
        tags = [each.partition('.')[2] for each in timm.list_pretrained(f'{architecture}.*')]
        raise ValueError(
            f'trunk is {name!r}, but timm {timm.__version__} has no weights of {architecture} with '
            f'the tag {tag!r}; known: {listed(tags)}'
        ) from error


def hub_weights(name: str) -> Path:
    """Path of the published weights of a trunk, of its tag, in the hub's cache; downloaded if
    absent.

    Raises:
        FileNotFoundError: they are not there and cannot be downloaded, or there are none.
    """
    config = checked(name)
    if not config.hf_hub_id:
        raise FileNotFoundError(f'timm has no published weights of {name}')
    from huggingface_hub import hf_hub_download

    repository, _, revision = config.hf_hub_id.partition('@')
    file = config.hf_hub_filename or WEIGHTS
    try:
        return Path(hf_hub_download(repository, file, revision=revision or None))
    except (OSError, RuntimeError) as error:
        reason = ' '.join(str(error).split())
        raise FileNotFoundError(
            f'{file} of {repository} is not in the cache of the hub and cannot be downloaded '
            f'({reason})'
        ) from error


def interpolated(network: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Position embeddings of a file, by timm's own function for the kind of model, at the size of
    `network`; those that differ in shape and can be interpolated.

    Args:
        state: tensors of the file by timm's names, all of which the network has.
    """
    own = network.state_dict()
    # of other tensors a difference is one of the architecture, which timm would smooth over
    differ = [key for key in state if 'pos' in key and state[key].shape != own[key].shape]
    function = getattr(sys.modules[type(network).__module__], 'checkpoint_filter_fn', None)
    if not differ or function is None:
        return {}
    try:
        found = function(dict(state), network)
    except (RuntimeError, ValueError, AssertionError):
        return {}
    fits = [key for key in differ if key in found and found[key].shape == own[key].shape]
    return {key: found[key] for key in fits}


def normalisation_note(network: Any, name: str) -> str:
    """A warning where the weights were trained with other means and deviations than ImageNet's;
    else empty."""
    mean, std = (tuple(network.pretrained_cfg[key]) for key in ('mean', 'std'))
    if (mean, std) == (IMAGENET_MEAN, IMAGENET_STD):
        return ''
    return (
        f'{name}: its weights were trained on images normalised by mean={mean}, std={std}; '
        f"unless model.data_preprocessor=dict(type='BatchNormalizer', mean=..., std=...) says so, "
        f"images are normalised by ImageNet's"
    )
