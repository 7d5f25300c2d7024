"""Checks of a GCL: options, networks, bank, data sets and stages."""

from collections.abc import Mapping

from reidgen.choices import one_of

from .data_checks import (
    check_bank_rows,
    check_discriminated_size,
    check_image_sizes,
    check_map_channels,
    check_memory_labels,
    image_size,
)
from .layers.batch_norm import BN_MODES
from .network_checks import check_bank_dims, check_decoders, check_penalty

CONTENT = ('recon', 'cyc', 'nv')
PENALTIES = ('r1_dgnet', 'r1')  # of real images alone: computed once for all generated ones
VIEWS = ('recon', 'nv')
VIEWS_FIX = (
    'use a pose map with turned meshes, RenderedMesh or SyntheticMesh, with views=[45, 90, ...]'
)


def check_options(model) -> None:
    """Raises ValueError where options, networks and bank do not fit; when the model is built."""
    for name in model.content_on:
        one_of(name, CONTENT, 'model.content_on')
    one_of(model.bn_mode, BN_MODES, 'model.bn_mode')
    if model.penalty is not None:
        one_of(model.penalty.kind, PENALTIES, 'model.penalty.kind')
    check_weights(model, model.loss_weights, 'model')
    check_bank_dims(model, ('bank',))
    check_decoders(model, ('G',))


def check_weights(model, weights: Mapping[str, float], place: str) -> None:
    """Raises ValueError where weights name what the model does not have.

    Args:
        place: of the weights, 'model' or 'stage joint'.
    """
    check_penalty(model, weights, place)
    on = any(weight and key.rpartition('/')[2] == 'content' for key, weight in weights.items())
    if on and not model.content_on:
        raise ValueError(
            f'{place}: loss_weights.content is not 0 but model.content_on is empty; name some of '
            f'{", ".join(CONTENT)}, or set the weight to 0'
        )


def check_data(model, datasets, batch_sizes: dict[str, int], stages) -> None:
    """Raises ValueError where data sets do not fit the model; before training.

    Args:
        datasets: training sets by loader name.
        batch_sizes: images a batch, by loader name.
        stages: the stages to be trained.
    """
    check_bank_rows(model, datasets, stages)
    for stage in stages:
        check_weights(model, stage.loss_weights, f'stage {stage.name}')
        loader = stage.fields(tuple(datasets)).get('target')
        if loader is None:  # told by check_reads
            continue
        dataset = datasets[loader]
        check_memory_labels(model, stage, dataset)
        if stage.phases is None or {'D', 'G', 'R'} & set(stage.phases):
            check_views(model, dataset, loader)
            check_image_sizes(datasets, (loader,), multiple=4)
            check_discriminated_size(model, *image_size(dataset))
        else:
            check_second_view(dataset, loader)


def check_views(model, dataset, loader: str) -> None:
    """Raises ValueError where a data set has no pose maps of a novel view that fit E_p."""
    if dataset.num_views < 2:
        raise ValueError(
            f'GCL generates novel views, but the {loader} data set {dataset.name} has pose maps of '
            f'{dataset.num_views} view(s); {VIEWS_FIX}'
        )
    check_map_channels(model, dataset, loader)


def check_second_view(dataset, loader: str) -> None:
    """Raises ValueError where the two views of an image differ in size."""
    item = dataset[0]
    second = getattr(item, 'second', item.img)
    if second.shape != item.img.shape:
        sizes = [' x '.join(map(str, img.shape[-2:])) for img in (item.img, second)]
        raise ValueError(
            f'train_dataloader.{loader} gives images of {sizes[0]} and second views of '
            f'{sizes[1]}; set Resize in the transforms of both to the same size'
        )


def check_view(to: str) -> None:
    """Raises ValueError for an image that a GCL does not generate alone."""
    one_of(to, VIEWS, 'the domain to translate to')


def check_translation(model, dataset, images: str, to: str) -> None:
    """Raises ValueError where the maps of a data set to be translated do not fit E_p."""
    check_view(to)
    if to == 'nv':
        check_views(model, dataset, images)
    else:
        check_map_channels(model, dataset, images)
