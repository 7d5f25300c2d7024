"""Inference of a trained CAGAN on images of any size."""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from reidgen.engine.config import load_config
from reidgen.engine.loading import trained_model
from reidgen.registry import MODELS, find

from .model import CAGAN, SwapBatch


class Swapped(NamedTuple):
    """Result of a swap, at the size of the person's image."""

    image: Tensor  # (3, h, w) uint8; the person's own pixels where alpha is 0
    alpha: Tensor  # (1, h, w) uint8, 255 where the candidate image replaces the person
    candidate: Tensor  # (3, h, w) uint8 candidate image, before it is masked


def load_model(config: str | Path, checkpoint: str | Path, options: dict | None = None):
    """Trained model in eval mode, and its config.

    Raises:
        TypeError: the config's model is no CAGAN.
        ValueError: the checkpoint does not fit the config; or see `load_config`.
    """
    cfg = load_config(config, options, reads=('test_dataset',))
    model_class = find(cfg.model.type, MODELS)
    if not issubclass(model_class, CAGAN):
        raise TypeError(f'{config} trains a {model_class.__name__}; give a config of CAGAN')
    return trained_model(cfg, checkpoint), cfg


@torch.no_grad()
def swap(
    model: CAGAN,
    size: tuple[int, int],
    person: Tensor,
    wanted: Tensor,
    worn: Tensor | None = None,
) -> Swapped:
    """Swaps the garment of one person.

    Alpha and candidate are made at the network's size and resized to the person's, where they are
    blended with the person's own pixels: a face outside the mask stays as sharp as it was.

    Args:
        size: (height, width) that the model was trained with.
        person, wanted, worn: (3, h, w) uint8, each of a size of its own. Without `worn` the network
            gets a grey image, which was not in training: an approximation.
    """
    normalise = model.data_preprocessor
    own = normalise(person[None])  # (1, 3, h, w)
    given = [_resized(normalise(picture[None]), size) for picture in (person, wanted)]
    grey = torch.zeros_like(given[0])
    dressed = grey if worn is None else _resized(normalise(worn[None]), size)
    alpha, candidate = model.G(given[0], dressed, given[1])
    alpha, candidate = (_resized(picture, own.shape[2:]) for picture in (alpha, candidate))
    image = alpha * candidate + (1 - alpha) * own
    return Swapped(to_uint8(image)[0], to_uint8(2 * alpha - 1)[0], to_uint8(candidate)[0])


@torch.no_grad()
def swap_batch(model: CAGAN, batch: SwapBatch) -> dict[str, Tensor]:
    """Outputs for a batch: uint8 `swapped` and `candidate` (B, 3, H, W), and float `alpha`."""
    pictures = model.data_preprocessor(batch)
    swapped, alpha, candidate = model.swap(*pictures)
    return {'swapped': to_uint8(swapped), 'candidate': to_uint8(candidate), 'alpha': alpha.cpu()}


def to_uint8(picture: Tensor) -> Tensor:
    """Images in [-1, 1] as uint8 on the CPU, clipped and rounded."""
    return ((picture.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()


def _resized(picture: Tensor, size: tuple[int, int]) -> Tensor:
    if picture.shape[2:] == tuple(size):
        return picture
    return nnf.interpolate(
        picture, tuple(size), mode='bicubic', align_corners=False, antialias=True
    ).clamp(-1, 1)
