"""Preprocessing of batches on the device."""

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from reidgen.registry import MODELS

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# images in [-1, 1], as generators that end in tanh give them
SYMMETRIC = dict(type='BatchNormalizer', mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


@MODELS.register_module()
class BatchNormalizer(BaseDataPreprocessor):
    """Preprocessor: moves a batch to the device and normalises uint8 to float32 there.

    Loaders hand out uint8: a quarter of the bytes between processes and to the device. A uint8
    tensor (B, 3, H, W) is normalised by `mean` and `std`; a field whose name ends in `_map`, and
    any other number of channels, goes to [-1, 1]. Everything else (masks, identities) keeps its
    type.

    Args:
        mean: of the three channels, in [0, 1].
        std: of the three channels, in [0, 1].
    """

    def __init__(
        self, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
    ):
        super().__init__(non_blocking=True)
        for name, values in (('mean', mean), ('std', std)):
            if len(values) != 3:
                raise ValueError(f'{name} must have three values, one a channel; got {values}')
        self.mean, self.std = tuple(mean), tuple(std)
        mean, std = torch.tensor(mean), torch.tensor(std)
        self.register_buffer('scale', (1 / (255 * std)).view(3, 1, 1), persistent=False)
        self.register_buffer('shift', (mean / std).view(3, 1, 1), persistent=False)

    def forward(self, data, training: bool = False):
        """Batch (NamedTuple, tuple, dict or tensor) of the same structure on the device."""
        return self._normalize(self.cast_data(data))

    def _normalize(self, data, is_map: bool = False):
        if isinstance(data, Tensor):
            return self._float(data, is_map) if data.dtype == torch.uint8 else data
        if isinstance(data, dict):
            return {
                key: self._normalize(value, str(key).endswith('_map'))
                for key, value in data.items()
            }
        if isinstance(data, tuple) and hasattr(data, '_fields'):
            return type(data)(
                *(
                    self._normalize(value, name.endswith('_map'))
                    for name, value in zip(data._fields, data)
                )
            )
        if isinstance(data, list | tuple):
            return type(data)(self._normalize(value) for value in data)
        return data

    def _float(self, img: Tensor, is_map: bool) -> Tensor:
        if img.shape[-3] == 3 and not is_map:
            return img.float().mul_(self.scale).sub_(self.shift)
        return img.float().mul_(2 / 255).sub_(1)
