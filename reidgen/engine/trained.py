"""A model as a checkpoint left it."""

from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device

from reidgen.checkpoint import read_checkpoint
from reidgen.models.adversarial import AdversarialModel
from reidgen.registry import MODELS, build

from .config import drop_pretrained
from .loading import load_strictly


def trained_model(cfg: Config, checkpoint: str | Path, amp: bool = False) -> AdversarialModel:
    """The model of a config with a checkpoint's tensors, in eval mode, on a GPU if there is one.

    No runner, no data set. The config's model no longer looks for pretrained weights afterwards.

    Args:
        cfg: of `load_config`.
        checkpoint: a .pth or .safetensors file with every tensor of the model.
        amp: bfloat16 autocast in what the model computes.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged or does not fit the model.
    """
    drop_pretrained(cfg)
    model = build(cfg.model.to_dict(), MODELS, 'model')
    state = read_checkpoint(checkpoint)
    load_strictly(model, state.get('state_dict', state), checkpoint)
    model.amp = amp
    return model.to(get_device()).eval()
