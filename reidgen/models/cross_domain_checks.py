"""Checks of a CrossDomainGCL: options, networks, banks, data sets and stages."""

from reidgen.choices import listed, one_of

from .data_checks import (
    check_bank_rows,
    check_discriminated_size,
    check_identities,
    check_image_sizes,
    check_map_channels,
    check_memory_labels,
    check_paired_batches,
    drawn_loaders,
    image_size,
)
from .layers.batch_norm import BN_MODES
from .network_checks import check_bank_dims, check_decoders, check_penalty
from .translations import pose_choice

NETWORKS = ('E_p', 'E_c', 'C')  # that the checks of a new model look at; phases tell of others
CROSS_POSES = ('own', 'novel', 'other')
DOMAINS = ('source', 'target')
ADVERSARIAL = ('cross', 'recon', 'cycle')


def complete(networks: dict[str, dict]) -> dict[str, dict]:
    """Configs of the networks, unchanged; ValueError where one of NETWORKS is missing."""
    missing = [name for name in NETWORKS if name not in networks]
    if missing:
        raise ValueError(
            f'model.networks has no {listed(missing)}, only {listed(networks)}; set '
            f'{listed(f"model.networks.{name}" for name in missing)}'
        )
    return networks


def check_options(model) -> None:
    """Raises ValueError where options, networks and banks do not fit; when the model is built."""
    poses = model.cross_pose
    for pose in poses.values() if isinstance(poses, dict) else [poses]:
        one_of(pose, CROSS_POSES, 'model.cross_pose')
    one_of(model.bn_mode, BN_MODES, 'model.bn_mode')
    for name in model.adv_on:
        one_of(name, ADVERSARIAL, 'model.adv_on')
    check_weights(model, model.loss_weights, 'model')
    check_bank_dims(model, ('bank', 'bank_t'))
    taken = getattr(model.C, 'in_dim', model.E_c.embed_dim)  # a C of your own may not tell
    if taken != model.E_c.embed_dim:
        raise ValueError(
            f'model.networks.C.in_dim is {taken} but E_c embeds into {model.E_c.embed_dim}; '
            f'set model.networks.C.in_dim={model.E_c.embed_dim}'
        )
    check_decoders(model, ('G', 'F'))


def check_weights(model, weights, place: str) -> None:
    """Raises ValueError where a weight is not 0 and what its loss needs is not there.

    Args:
        weights: by family, `gp`, or by phase and family, `D/gp`.
        place: of the weights, 'model' or 'stage joint'.
    """
    check_penalty(model, weights, place)
    on = {key.rpartition('/')[2] for key, weight in weights.items() if weight}
    if 'memory_t' in on and model.bank_t is None:
        raise ValueError(
            f'{place}: loss_weights.memory_t is not 0, but model.bank_t, a FeatureBank over the '
            f'target images, is not set; set bank_t=dict(num_samples=..., dim=...), or the weight '
            f'to 0'
        )
    if 'domain' in on and 'domain_head' not in model.network_names:
        raise ValueError(
            f'{place}: loss_weights.domain is not 0, but model.networks has no domain_head; add a '
            f"domain_head=dict(type='DomainClassifier', in_dim={model.E_c.embed_dim}), or set the "
            f'weight to 0'
        )


def other_domain(to: str) -> str:
    """The domain that is translated into `to`.

    Raises:
        ValueError: `to` is neither 'source' nor 'target'.
    """
    return 'source' if one_of(to, DOMAINS, 'the domain to translate to') == 'target' else 'target'


def check_data(model, datasets, batch_sizes: dict[str, int], stages) -> None:
    """Raises ValueError where data sets and batches do not fit the model; before training.

    Args:
        datasets: training sets by loader name.
        batch_sizes: images a batch, by loader name.
        stages: the stages to be trained.
    """
    check_identities(model, datasets, stages, ('identity',))
    check_banks(model, datasets, stages)
    translation = [s for s in stages if s.phases is None or {'D', 'G'} & set(s.phases)]
    check_stages(model, datasets, translation)
    for stage in stages:
        loaders = drawn_loaders(stage, datasets, DOMAINS)
        pose = pose_choice(model.cross_pose, stage.name) if stage in translation else 'own'
        for loader in loaders.values():
            check_maps(model, datasets[loader], loader, pose == 'novel')
        if stage in translation:
            check_image_sizes(datasets, tuple(loaders.values()), multiple=4)
            for loader in loaders.values():
                height, width = image_size(datasets[loader])
                check_discriminated_size(model, model.crop_size or height, model.crop_size or width)
        if pose == 'other':
            check_paired_batches(batch_sizes, loaders, "cross_pose='other'")


def check_banks(model, datasets, stages) -> None:
    """Raises ValueError where phase T has no bank, or a bank not one row for each image."""
    for stage in stages:
        if 'clusters' in stage.fields(tuple(datasets)) and model.bank_t is None:
            raise ValueError(
                f'stage {stage.name}: phase T needs model.bank_t, a bank over the target '
                f'images, dict(num_samples=..., dim={model.E_c.embed_dim})'
            )
    check_bank_rows(model, datasets, stages)


def check_stages(model, datasets, translation) -> None:
    """Raises ValueError where a stage with phase D or G has no pose, or a memory without labels."""
    for stage in translation:
        check_weights(model, stage.loss_weights, f'stage {stage.name}')
        if isinstance(model.cross_pose, dict) and stage.name not in model.cross_pose:
            raise ValueError(
                f"model.cross_pose has no choice for stage '{stage.name}', only for "
                f'{sorted(model.cross_pose)}; set model.cross_pose.{stage.name} to one of '
                f'{", ".join(CROSS_POSES)}'
            )
        for loader in drawn_loaders(stage, datasets, ('source',)).values():
            check_memory_labels(model, stage, datasets[loader])


def check_maps(model, dataset, loader: str, novel: bool) -> None:
    """Raises ValueError where the pose maps of a data set do not fit E_p or the novel pose."""
    check_map_channels(model, dataset, loader)
    if novel and dataset.num_views < 2:
        raise ValueError(
            f"cross_pose='novel' needs a pose map with several views; that of {dataset.name} has "
            f"{dataset.num_views}. Use RenderedMesh, or cross_pose='own' or 'other'"
        )


def check_translation(model, dataset, images: str, to: str) -> None:
    """Raises ValueError where the maps of a data set to be translated do not fit E_p."""
    check_maps(model, dataset, images, novel=False)
