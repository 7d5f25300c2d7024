"""What must fit together in a CrossDomainGCL; every error names the value and the fix."""

from .data_checks import check_image_sizes

CROSS_POSES = ('own', 'novel', 'other')
BN_MODES = ('mixed', 'real_only', 'frozen', 'target_recalib')
JUDGED = ('cross', 'recon', 'cycle')
DIRECTIONS = ('s2t', 't2s')
# field of a batch -> the memory of its images
BANK_OF = dict(source='bank', views='bank', target='bank_t', clusters='bank_t')


def check_options(model) -> None:
    """Raises ValueError where options, networks and banks do not fit; when the model is built."""
    poses = model.cross_pose
    for key, given, known in (
        ('cross_pose', poses.values() if isinstance(poses, dict) else [poses], CROSS_POSES),
        ('bn_mode', [model.bn_mode], BN_MODES),
        ('adv_on', model.adv_on, JUDGED),
        ('memory_directions', model.memory_directions, DIRECTIONS),
    ):
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ValueError(f'model.{key} has no choice {unknown}; known: {known}')
    if model.on('gp') and model.penalty is None:
        raise ValueError('loss_weights.gp is not 0 but model.penalty is not set; set one of them')
    if 't2s' in model.memory_directions and model.bank_t is None:
        raise ValueError('memory direction t2s needs model.bank_t, a bank over the target images')
    for key, bank in (('bank', model.bank), ('bank_t', model.bank_t)):
        if bank is not None and bank.dim != model.E_c.embed_dim:
            raise ValueError(
                f'model.{key}.dim is {bank.dim} but E_c embeds into {model.E_c.embed_dim}; '
                f'set model.{key}.dim={model.E_c.embed_dim}'
            )
    taken = getattr(model.C, 'in_dim', model.E_c.embed_dim)  # a C of your own may not tell
    if taken != model.E_c.embed_dim:
        raise ValueError(
            f'model.networks.C.in_dim is {taken} but E_c embeds into {model.E_c.embed_dim}; '
            f'set model.networks.C.in_dim={model.E_c.embed_dim}'
        )
    check_decoders(model)
    check_own_cameras(model)
    blind = [
        n for n in ('G', 'F', 'D_s', 'D_t') if not getattr(getattr(model, n), 'num_cameras', 0)
    ]
    if model.camera_styles and blind:
        raise ValueError(
            f'model.camera_styles needs cameras in G, F, D_s and D_t, but {blind} have none; set '
            f'num_cameras, of StripeAdaINDecoder and StridedDiscriminator'
        )


def check_decoders(model) -> None:
    """Raises ValueError where a decoder does not take what E_c and E_p give."""
    shared = 'mlp' in model.network_names
    for name in ('G', 'F'):
        decoder = getattr(model, name)
        if decoder.pose_dim != model.E_p.out_dim:
            raise ValueError(
                f'model.networks.{name} takes pose codes of {decoder.pose_dim} channels but E_p '
                f'gives {model.E_p.out_dim}; set model.networks.{name}.pose_dim={model.E_p.out_dim}'
            )
        if shared is (decoder.heads is not None):
            raise ValueError(
                f'model.networks.{name}.own_heads is {decoder.heads is not None}: G and F need '
                f'own_heads=False with networks.mlp, the AdaINHeads they share, and only then'
            )
    heads = {'mlp': model.mlp} if shared else {'G': model.G.heads, 'F': model.F.heads}
    for name, head in heads.items():
        if head.content_dim != model.E_c.content_dim:
            raise ValueError(
                f'model.networks.{name}.content_dim is {head.content_dim} but E_c gives '
                f'{model.E_c.content_dim}; set it to {model.E_c.content_dim}'
            )


def check_own_cameras(model) -> None:
    """Raises ValueError where decoders ask for the picture's camera and cannot be told it."""
    asked = [getattr(getattr(model, name), 'num_own_cameras', 0) for name in ('G', 'F')]
    if not any(asked):
        return
    both = sum(model.num_styles.values())
    if not all(model.num_styles.values()):
        raise ValueError(
            f'num_own_cameras of G and F is {asked}, num_cameras {model.num_styles}; set '
            f'num_cameras of both, the cameras of target and source, or num_own_cameras=0'
        )
    if asked != [both, both] or not model.camera_styles:
        raise ValueError(
            f'num_own_cameras of G and F is {asked}; with camera_styles=True set both to the '
            f'cameras of both domains together, {both}, or both to 0'
        )
    poses = model.cross_pose.values() if isinstance(model.cross_pose, dict) else [model.cross_pose]
    if set(poses) != {'own'}:
        raise ValueError(
            f'num_own_cameras needs the picture itself in the pose map, but cross_pose is '
            f"{model.cross_pose}; set cross_pose='own', or num_own_cameras=0"
        )


def check_painted_domain(model, images: str, to: str) -> None:
    """Raises ValueError where decoders would take images for those of the other domain."""
    if model.num_own_cameras and images == to:
        raise ValueError(
            f'decoders with num_own_cameras paint the images of the other domain; {images} cannot '
            f'be painted as {to}. Paint the other loader, or set num_own_cameras=0'
        )


def check_painted_cameras(model, camids, domain: str) -> None:
    """Raises ValueError where G or F has no colours for a camera that took one of the images."""
    if not model.num_own_cameras:
        return
    known, largest = model.num_styles[domain], int(camids.max())
    if largest >= known:
        raise ValueError(
            f'an image of camera {largest} (from 0) is to be painted, but the model knows {known} '
            f'cameras of the {domain}; leave such images out, or train with '
            f'num_cameras={largest + 1} of that domain'
        )


def check_data(model, datasets, batch_sizes: dict[str, int], stages) -> None:
    """Raises ValueError where data sets and batches do not fit the model; before training.

    Args:
        datasets: training sets by loader name: identity, source, target.
        batch_sizes: images a batch, by loader name.
        stages: the stages to be trained.
    """
    identity = datasets.get('identity')
    if identity is not None and identity.num_identities != model.num_identities:
        raise ValueError(
            f'model.networks.C.num_identities is {model.num_identities} but {identity.name} has '
            f'{identity.num_identities} training identities; '
            f'set model.networks.C.num_identities={identity.num_identities}'
        )
    check_banks(model, datasets, stages)
    painting = [s for s in stages if s.phases is None or {'D', 'G'} & set(s.phases)]
    check_stages(model, datasets, painting)
    if painting:
        check_image_sizes(datasets, ('source', 'target'), multiple=4)
    poses = {model.cross_pose_of(stage.name) for stage in painting}
    for loader in sorted({'source', 'target'} & set(datasets)):
        check_maps(model, datasets[loader], loader, 'novel' in poses)
    if model.camera_styles and painting:
        check_cameras(model, datasets, batch_sizes)
    if 'other' in poses and batch_sizes['source'] != batch_sizes['target']:
        raise ValueError(
            f"cross_pose='other' pairs batch-mates, but the source batch has "
            f'{batch_sizes["source"]} images and the target batch {batch_sizes["target"]}; make '
            f'them equal'
        )


def check_banks(model, datasets, stages) -> None:
    """Raises ValueError where a memory has not one row for each image that it is to hold."""
    for stage in stages:
        for field, loader in stage.fields(tuple(datasets)).items():
            key = BANK_OF.get(field)
            bank, dataset = key and getattr(model, key), datasets.get(loader)
            if field == 'clusters' and bank is None:
                raise ValueError(
                    f'stage {stage.name}: phase T needs model.bank_t, a bank over the target '
                    f'images, dict(num_samples=..., dim={model.E_c.embed_dim})'
                )
            if bank is not None and dataset is not None and bank.num_samples != len(dataset):
                raise ValueError(
                    f'model.{key}.num_samples is {bank.num_samples} but {dataset.name} has '
                    f'{len(dataset)} training images; '
                    f'set model.{key}.num_samples={len(dataset)}'
                )


def check_cameras(model, datasets, batch_sizes: dict[str, int]) -> None:
    """Raises ValueError where cameras of the data are unknown to G or F, or batches differ."""
    for loader, name in (('source', 'F'), ('target', 'G')):
        count = int(datasets[loader].camids.max()) + 1
        if count > model.num_styles[loader]:
            raise ValueError(
                f'{datasets[loader].name} has {count} cameras, but networks.{name}.num_cameras is '
                f'{model.num_styles[loader]}; set it to {count}'
            )
    if batch_sizes['source'] != batch_sizes['target']:
        raise ValueError(
            f'camera_styles pairs batch-mates, but the source batch has {batch_sizes["source"]} '
            f'images and the target batch {batch_sizes["target"]}; make them equal'
        )


def check_stages(model, datasets, painting) -> None:
    """Raises ValueError where a stage with phase D or G has no pose, or a memory without labels."""
    for stage in painting:
        if isinstance(model.cross_pose, dict) and stage.name not in model.cross_pose:
            raise ValueError(
                f"model.cross_pose has no choice for stage '{stage.name}', only for "
                f'{sorted(model.cross_pose)}; set model.cross_pose.{stage.name} to one of '
                f'{", ".join(CROSS_POSES)}'
            )
        source, weights = datasets.get('source'), {**model.loss_weights, **stage.loss_weights}
        if source is None or source.num_identities or stage.labels == 'cluster':
            continue
        if weights['memory'] and 's2t' in model.memory_directions:
            raise ValueError(
                f'stage {stage.name}: the memory needs to know who is who, but {source.name} is '
                f"unlabelled; set labels='cluster' and add a hook that clusters, or "
                f'loss_weights=dict(memory=0)'
            )


def check_maps(model, dataset, loader: str, novel: bool) -> None:
    """Raises ValueError where the pose maps of a data set do not fit E_p or the novel pose."""
    if dataset.map_channels != model.map_channels:
        raise ValueError(
            f'the pose maps of {dataset.name} have {dataset.map_channels} channels but E_p takes '
            f'{model.map_channels}; set model.networks.E_p.in_channels={dataset.map_channels}, or '
            f'give the {loader} data set a pose_map that fits'
        )
    if novel and dataset.num_views < 2:
        raise ValueError(
            f"cross_pose='novel' needs a pose map with several views; that of {dataset.name} has "
            f"{dataset.num_views}. Use RenderedMesh, or cross_pose='own' or 'other'"
        )
