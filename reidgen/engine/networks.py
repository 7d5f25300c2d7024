"""What a config says of all networks: batch-norm groups, recomputation, compilation."""

from mmengine.config import Config

from reidgen.models import AdversarialModel
from reidgen.models.layers.activation_checkpointing import checkpoint_activations
from reidgen.models.layers.ghost_batch_norm import set_bn_group

from .compiling import compile_networks


def prepare_networks(model: AdversarialModel, cfg: Config) -> None:
    """Applies `bn_group`, and for a training `activation_checkpointing` and `compile`.

    Raises:
        ValueError: a value that does not fit the model.
    """
    stages = (cfg.get('train_cfg') or {}).get('stages', ())
    set_bn_group(model, cfg.get('bn_group'), [stage.get('bn_group') for stage in stages])
    if cfg.get('train_cfg') is not None:
        networks = {name: getattr(model, name) for name in model.network_names}
        checkpoint_activations(networks, cfg.get('activation_checkpointing'))
        compile_networks(model, cfg.get('compile'))
