"""Checks of options, networks and banks that fit each other; when a model is built."""

from collections.abc import Mapping, Sequence


def check_penalty(model, weights: Mapping[str, float], place: str) -> None:
    """Raises ValueError where a penalty is weighed that the model does not have.

    Args:
        weights: by family, `gp`, or by phase and family, `D/gp`.
        place: of the weights, 'model' or 'stage joint'.
    """
    on = any(weight and key.rpartition('/')[2] == 'gp' for key, weight in weights.items())
    if on and model.penalty is None:
        raise ValueError(
            f'{place}: loss_weights.gp is not 0 but model.penalty is not set; set one of them'
        )


def check_bank_dims(model, keys: Sequence[str]) -> None:
    """Raises ValueError where a feature bank does not hold what E_c gives.

    Args:
        keys: attributes of the model; a bank may be None.
    """
    for key in keys:
        bank = getattr(model, key)
        if bank is not None and bank.dim != model.E_c.embed_dim:
            raise ValueError(
                f'model.{key}.dim is {bank.dim} but E_c embeds into {model.E_c.embed_dim}; '
                f'set model.{key}.dim={model.E_c.embed_dim}'
            )


def check_decoders(model, names: Sequence[str]) -> None:
    """Raises ValueError where a decoder does not take what E_c and E_p give.

    Args:
        names: of the decoders; with a network `mlp` all take their AdaIN parameters from it.
    """
    shared = 'mlp' in model.network_names
    for name in names:
        decoder = getattr(model, name)
        if decoder.pose_dim != model.E_p.out_dim:
            raise ValueError(
                f'model.networks.{name} takes pose codes of {decoder.pose_dim} channels but E_p '
                f'gives {model.E_p.out_dim}; set model.networks.E_p.out_dim={decoder.pose_dim}'
            )
        if shared is (decoder.heads is not None):
            raise ValueError(
                f'model.networks.{name}.own_heads is {decoder.heads is not None}: '
                f'{" and ".join(names)} {"need" if names[1:] else "needs"} own_heads=False with '
                f'networks.mlp, the AdaINHeads they share, and only then'
            )
    heads = {'mlp': model.mlp} if shared else {name: getattr(model, name).heads for name in names}
    for name, head in heads.items():
        if head.content_dim != model.E_c.content_dim:
            raise ValueError(
                f'model.networks.{name}.content_dim is {head.content_dim} but E_c gives '
                f'{model.E_c.content_dim}; set it to {model.E_c.content_dim}'
            )
