"""Weight initialisation of convolutions and linear layers."""

from collections.abc import Callable

from torch import Tensor, nn


def _init(module: nn.Module, start: Callable[[Tensor], Tensor]) -> None:
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            start(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def kaiming_init(module: nn.Module) -> None:
    """Initialises convolutions and linear layers: Kaiming normal, fan_in, a = 0, bias 0."""
    _init(module, lambda weight: nn.init.kaiming_normal_(weight, a=0, mode='fan_in'))


def xavier_init(module: nn.Module) -> None:
    """Initialises convolutions and linear layers: Glorot uniform, bias 0."""
    _init(module, nn.init.xavier_uniform_)


def normal_init(module: nn.Module, std: float = 0.02) -> None:
    """Initialises convolutions and linear layers: N(0, std^2), bias 0.

    The scale of an affine instance norm starts at N(1, std^2), its offset at 0.
    """
    _init(module, lambda weight: nn.init.normal_(weight, std=std))
    for layer in module.modules():
        if isinstance(layer, nn.InstanceNorm2d) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, std)
            nn.init.zeros_(layer.bias)
