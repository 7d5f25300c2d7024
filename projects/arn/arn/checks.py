"""Checks that the networks of ARN fit losses, images and each other; before training."""

from collections.abc import Collection, Mapping

# family -> networks without which it cannot be computed
NEEDS = dict(identity=('C_S',), recon=('D_C',), diff=('E_T', 'E_S'))
ENCODERS = ('E_C', 'E_T', 'E_S')


def check_needs(networks: Collection[str], weights: Mapping[str, float], place: str) -> None:
    """Raises ValueError where a weighed loss lacks its networks.

    Args:
        networks: names of the model's.
        place: of the weights, 'model' or 'stage arn'.
    """
    for name in ('E_I', 'E_C'):
        if name not in networks:
            raise ValueError(f'ARN retrieves by E_C of E_I; set model.networks.{name}')
    if ('E_T' in networks) is not ('E_S' in networks):
        raise ValueError('E_T and E_S are private encoders of one domain each; give both or none')
    for family, needed in NEEDS.items():
        weight = max(abs(w) for key, w in weights.items() if key.rpartition('/')[2] == family)
        missing = [name for name in needed if name not in networks]
        if weight and missing:
            raise ValueError(
                f'{place}: loss_weights.{family} is {weight:g} but model.networks has no '
                f'{" and ".join(missing)}; set loss_weights.{family}=0, or add the network'
            )


def check_widths(model) -> None:
    """Raises ValueError where a network does not take the channels that the one before gives."""
    taken = getattr(model.E_I, 'in_channels', 3)
    if taken != 3:
        raise ValueError(
            f"model.networks.E_I takes maps of {taken} channels, not images; set part='all' or "
            f"part='first'"
        )
    pairs = [('E_I', name, 'in_channels') for name in ENCODERS]
    pairs += [('E_C', 'D_C', 'in_channels'), ('E_C', 'C_S', 'in_dim')]
    pairs += [('E_C', name, 'out_channels') for name in ('E_T', 'E_S')]
    if getattr(getattr(model, 'D_C', None), 'restores', None) == 'map':
        pairs += [('E_I', 'D_C', 'out_channels')]
    for giver, name, key in pairs:
        given = getattr(getattr(model, giver), 'out_channels', None)
        taken = getattr(getattr(model, name, None), key, None)
        if None not in (given, taken) and given != taken:
            raise ValueError(
                f'model.networks.{name}: {key} is {taken} but {giver} gives {given} channels; make '
                f'them equal'
            )


def check_map_sizes(
    map_sizes: Mapping[str, tuple[int, int]],
    found: tuple[int, ...],
    size: tuple[int, int],
    loader: str,
) -> None:
    """Raises ValueError where a network is for maps of another size than E_I gives.

    Args:
        map_sizes: by network, (height, width).
        found: size of E_I's map.
        size: of the images of a loader.
    """
    for name, wanted in map_sizes.items():
        if tuple(wanted) != found:
            raise ValueError(
                f'train_dataloader.{loader} gives images of {size[0]} x {size[1]}, of which E_I '
                f'makes maps of {found[0]} x {found[1]}, but model.networks.{name}.map_size is '
                f'{tuple(wanted)}; set it to {found}'
            )
