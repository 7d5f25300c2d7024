"""Checks before training that images, batches and samplers fit the networks."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.dist import get_world_size
from torch import nn
from torch.utils.data import Dataset

from .adversarial import AdversarialModel
from .layers.ghost_batch_norm import GhostBatchNorm, ranks_of_group, use_bn_group

STATE = ('stage_name', '_running', '_every', 'frozen', 'loss_weights')  # what entering a stage sets


def check_image_sizes(datasets: Mapping[str, Dataset], names: Sequence[str], multiple: int) -> None:
    """Raises ValueError for image sizes that differ or that the decoders cannot restore.

    Args:
        datasets: training sets by loader; the first image of each is read, as it is handed out.
        names: loaders whose images must have one size; those that are not there are left out.
        multiple: of height and width; networks that halve and double give back such sizes alone.
    """
    sizes = {name: image_size(datasets[name]) for name in names if name in datasets}
    for name, size in sizes.items():
        if any(side % multiple for side in size):
            fitting = ' x '.join(str(-(-side // multiple) * multiple) for side in size)
            raise ValueError(
                f'train_dataloader.{name} gives images of {" x ".join(map(str, size))}; the '
                f'decoders restore multiples of {multiple}: set Resize of its transforms to '
                f'{fitting}, say'
            )
    if len(set(sizes.values())) > 1:
        told = ', '.join(
            f'train_dataloader.{name} of {height} x {width}'
            for name, (height, width) in sizes.items()
        )
        raise ValueError(
            f'images of both domains are compared, but their sizes differ: {told}; set Resize in '
            f'the transforms of each to the same size'
        )


def check_encoder_size(model: AdversarialModel, datasets: Mapping[str, Any], group: str) -> None:
    """Raises ValueError where the encoder takes images of one size, and a data set gives others.

    Args:
        datasets: by loader; the first image of each is read.
        group: of the loaders in the config, such as 'train_dataloader'.
    """
    encoder = getattr(model, model.encoder_name, None)
    wanted = getattr(getattr(encoder, 'module', encoder), 'img_size', None)
    if wanted is None:
        return
    for name, dataset in datasets.items():
        size = image_size(dataset)
        if size != tuple(wanted):
            raise ValueError(
                f'{group}.{name} gives images of {size[0]} x {size[1]}, but '
                f'{model.encoder_name} takes {wanted[0]} x {wanted[1]}: set '
                f'model.networks.{model.encoder_name}.img_size=({size[0]}, {size[1]}), or Resize '
                f'of its transforms'
            )


def check_discriminated_size(model: AdversarialModel, height: int, width: int) -> None:
    """Raises ValueError where images are too small for one of the model's discriminators."""
    for name in model.network_names:
        network = getattr(model, name)
        network = getattr(network, 'module', network)  # out of a distributed wrapper
        if hasattr(network, 'check_size'):
            try:
                network.check_size(height, width)
            except ValueError as error:
                raise ValueError(f'model.networks.{name}: {error}') from error


def image_size(dataset: Dataset) -> tuple[int, int]:
    """Height and width of the first image after the transforms."""
    height, width = dataset[0].img.shape[-2:]
    return int(height), int(width)


def check_bank_rows(model: AdversarialModel, datasets: Mapping[str, Any], stages) -> None:
    """Raises ValueError where a memory has not one row for each image that it is to hold.

    Args:
        datasets: training sets by loader.
        stages: to be trained.
    """
    bank_of = {use.field: use.bank for phase in model.phases() for use in phase.memory}
    for stage in stages:
        for field, loader in stage.fields(tuple(datasets)).items():
            key = bank_of.get(field)
            bank, dataset = getattr(model, key) if key else None, datasets.get(loader)
            if bank is not None and dataset is not None and bank.num_samples != len(dataset):
                raise ValueError(
                    f'model.{key}.num_samples is {bank.num_samples} but {dataset.name} has '
                    f'{len(dataset)} training images; '
                    f'set model.{key}.num_samples={len(dataset)}'
                )


def check_memory_labels(model: AdversarialModel, stage, dataset: Any) -> None:
    """Raises ValueError where the loss of the family `memory` would have no labels in a stage.

    Args:
        dataset: whose images the memory holds.
    """
    weights = {**model.loss_weights, **stage.loss_weights}
    if weights['memory'] and not dataset.num_identities and stage.labels != 'cluster':
        raise ValueError(
            f'stage {stage.name}: the memory needs identities, but {dataset.name} is '
            f"unlabelled; set labels='cluster' and add a hook that clusters, or "
            f'loss_weights=dict(memory=0)'
        )


def drawn_loaders(stage, datasets: Mapping[str, Any], fields: Sequence[str]) -> dict[str, str]:
    """Field of the batch -> loader that a stage draws it from; without those that it does not."""
    drawn = stage.fields(tuple(datasets))
    return {field: drawn[field] for field in fields if drawn.get(field) in datasets}


def check_paired_batches(
    batch_sizes: Mapping[str, int], loaders: Mapping[str, str], what: str
) -> None:
    """Raises ValueError where image i of one batch has no partner in the other.

    Args:
        loaders: that batches are drawn from, by field.
        what: pairs batch-mates, for the error.
    """
    sizes = {loader: batch_sizes[loader] for loader in loaders.values()}
    if len(set(sizes.values())) > 1:
        told = ' and '.join(
            f'train_dataloader.{name}.batch_size is {sizes[name]}' for name in sizes
        )
        raise ValueError(f'{what} pairs batch-mates, but {told}; make them equal')


def check_identities(
    model: Any,
    datasets: Mapping[str, Any],
    stages,
    fields: Sequence[str],
    classifier: str = 'C',
) -> None:
    """Raises ValueError where the classifier has not one logit for each training identity.

    Args:
        model: with the `num_identities` of its classifier.
        fields: of the batch, whose identities are classified or compared.
        classifier: name of the network, for the error.
    """
    for stage in stages:
        for loader in drawn_loaders(stage, datasets, fields).values():
            dataset = datasets[loader]
            if dataset.num_identities != model.num_identities:
                raise ValueError(
                    f'model.networks.{classifier}.num_identities is {model.num_identities} but '
                    f'{dataset.name} (train_dataloader.{loader}) has {dataset.num_identities} '
                    f'training identities; set '
                    f'model.networks.{classifier}.num_identities={dataset.num_identities}'
                )


def check_map_channels(model: AdversarialModel, dataset: Any, loader: str) -> None:
    """Raises ValueError where the pose maps of a data set do not fit E_p."""
    if dataset.map_channels != model.map_channels:
        raise ValueError(
            f'the pose maps of {dataset.name} have {dataset.map_channels} channels but E_p takes '
            f'{model.map_channels}; set model.networks.E_p.in_channels={dataset.map_channels}, or '
            f'give the {loader} data set a pose_map that fits'
        )


def check_batches(
    model: AdversarialModel, stages: Sequence, batch_sizes: Mapping[str, int], samplers: Mapping
) -> list[str]:
    """Warnings about batches without training signal; errors of later stages are raised.

    Args:
        stages: `reidgen.engine.stages.Stage`, in order; the model is left as it was.
        batch_sizes: images a batch, by loader.
        samplers: by loader.

    Raises:
        ValueError: a stage that the model cannot enter, batches of one image for a batch norm
            over images, or of a size that does not fit its groups.
    """
    warnings = []
    for stage in stages:
        fields = stage.fields(tuple(batch_sizes))
        with entered(model, stage):
            check_batch_norm(model, fields, batch_sizes)
            check_bn_groups(model, fields, batch_sizes)
            warnings += triplet_warnings(model, fields, samplers)
    return warnings


@contextmanager
def entered(model: AdversarialModel, stage) -> Iterator[None]:
    """Context with the model in a stage, in training mode."""
    state, training = {name: getattr(model, name) for name in STATE}, model.training
    try:
        model.enter_stage(
            stage.name, stage.phases, stage.frozen, stage.loss_weights, stage.every, stage.bn_group
        )
        model.train()
        yield
    finally:
        for name, value in state.items():
            setattr(model, name, value)
        use_bn_group(model, None)
        model.train(training)


def check_batch_norm(
    model: AdversarialModel, fields: Mapping[str, str], batch_sizes: Mapping[str, int]
) -> None:
    """Raises ValueError where a batch norm over images would train on batches of one.

    Args:
        model: in a stage, in training mode.
        fields: field of the batch -> loader, in this stage.
    """
    for phase in model.stage_phases:
        single = [
            loader
            for field, loader in fields.items()
            if batch_sizes.get(loader) == 1 and field in (phase.reads or fields)
        ]
        # phases that share a forward evaluate each other's networks
        networks = {
            name
            for other in model.phases()
            if other.name == phase.name or (phase.forward and other.forward == phase.forward)
            for name in other.trains
        }
        for name in sorted(networks if single else ()):
            if any(
                isinstance(m, nn.BatchNorm1d) and m.training for m in getattr(model, name).modules()
            ):
                raise ValueError(
                    f'stage {model.stage_name}: train_dataloader.{single[0]}.batch_size is 1, but '
                    f'a batch norm of {name} takes its statistics over the images of a batch; set '
                    f'batch_size to 2 or more, or freeze {name} in this stage'
                )


def check_bn_groups(
    model: AdversarialModel, fields: Mapping[str, str], batch_sizes: Mapping[str, int]
) -> None:
    """Raises ValueError where the batches of a stage do not fit the groups of its batch norms.

    Args:
        model: in a stage, in training mode.
        fields: field of the batch -> loader, in this stage.
    """
    layers = [m for m in model.modules() if isinstance(m, GhostBatchNorm) and m.training]
    for group in {layer.bn_group for layer in layers if layer.bn_group is not None}:
        for loader in sorted(set(fields.values()) & set(batch_sizes)):
            place = f'stage {model.stage_name}: train_dataloader.{loader}'
            ranks_of_group(group, batch_sizes[loader], get_world_size(), place)


def triplet_warnings(
    model: AdversarialModel, fields: Mapping[str, str], samplers: Mapping
) -> list[str]:
    """Warnings about identity batches without positives or negatives for the triplet loss.

    Args:
        model: in a stage.
        fields: field of the batch -> loader, in this stage.
    """
    loader = fields.get('identity')
    if not model.on('triplet') or loader not in samplers:
        return []
    includes_self = getattr(getattr(model, 'triplet', None), 'include_self', False)
    faults = []
    for key, lacking, harmless in (
        ('num_images', 'positive, as each person has one image', includes_self),
        ('num_identities', 'negative, as all images are of one person', False),
    ):
        if getattr(samplers[loader], key, None) == 1 and not harmless:
            faults.append(
                f'stage {model.stage_name}: train_dataloader.{loader}.sampler.{key} is 1, so the '
                f'triplet loss finds no {lacking}, and is 0; set {key} to 2 or more, or '
                f'loss_weights=dict(triplet=0)'
            )
    return faults
