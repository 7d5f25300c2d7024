"""reidgen: person re-identification with GANs across domains."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from reidgen.inference import Model

__version__ = '0.1.0'
__all__ = ['load']


def load(
    model: 'str | Path',
    device: 'str | torch.device | None' = None,
    batch_size: int | None = None,
) -> 'Model':
    """Trained model of a file, or of its name (`reidgen models`); see `inference.Model`."""
    from reidgen.inference import Model  # here: `import reidgen` takes no second

    return Model(model, device, batch_size)
