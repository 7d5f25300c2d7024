"""Checks of a CameraGCL beside those of a CrossDomainGCL."""

from reidgen.models.data_checks import check_paired_batches, drawn_loaders

DECODERS = dict(source='F', target='G')


def check_networks(model) -> None:
    """Raises ValueError where a generator or discriminator knows no cameras."""
    names = ('G', 'F', 'D_s', 'D_t')
    blind = [name for name in names if not hasattr(getattr(model, name), 'num_cameras')]
    if blind:
        kinds = ', '.join(f'{name} a {type(getattr(model, name)).__name__}' for name in blind)
        raise ValueError(
            f'CameraGCL needs networks that know cameras, but {kinds}; set the types '
            f'CameraStripeDecoder (G, F) and CameraStridedDiscriminator (D_s, D_t)'
        )
    for D, decoder in (('D_s', 'F'), ('D_t', 'G')):
        given, wanted = getattr(model, D).num_cameras, getattr(model, decoder).num_cameras
        if given != wanted:
            raise ValueError(
                f'model.networks.{D}.num_cameras is {given}, that of {decoder} {wanted}; both are '
                f'of one domain, make them equal'
            )


def check_own_cameras(model) -> None:
    """Raises ValueError where decoders ask for the picture's camera and cannot be told it."""
    asked, both = (
        [model.G.num_own_cameras, model.F.num_own_cameras],
        sum(model.num_cameras.values()),
    )
    if not any(asked):
        return
    if asked != [both, both]:
        raise ValueError(
            f'num_own_cameras of G and F is {asked}; set both to the cameras of both domains '
            f'together, {both}, or both to 0'
        )
    poses = model.cross_pose.values() if isinstance(model.cross_pose, dict) else [model.cross_pose]
    if set(poses) != {'own'}:
        raise ValueError(
            f'num_own_cameras needs the picture itself in the pose map, but cross_pose is '
            f"{model.cross_pose}; set cross_pose='own', or num_own_cameras=0"
        )


def check_cameras(model, datasets, batch_sizes: dict[str, int], stage) -> None:
    """Raises ValueError where cameras of the data are unknown to G or F, or batches differ."""
    loaders = drawn_loaders(stage, datasets, ('source', 'target'))
    for domain, loader in loaders.items():
        count = int(datasets[loader].camids.max()) + 1
        if count > model.num_cameras[domain]:
            raise ValueError(
                f'{datasets[loader].name} has {count} cameras, but networks.{DECODERS[domain]}.'
                f'num_cameras is {model.num_cameras[domain]}; set it to {count}'
            )
    check_paired_batches(batch_sizes, loaders, 'the camera style of an image')


def check_translated_domain(model, images: str, to: str) -> None:
    """Raises ValueError where decoders would take images for those of the other domain."""
    if model.num_own_cameras and images == to:
        raise ValueError(
            f'decoders with num_own_cameras translate the images of the other domain; {images} '
            f'cannot be translated as {to}. Translate the other loader, or set num_own_cameras=0'
        )


def check_translated_cameras(model, camids, domain: str) -> None:
    """Raises ValueError where G or F has no colours for a camera that took one of the images."""
    if not model.num_own_cameras:
        return
    known, largest = model.num_cameras[domain], int(camids.max())
    if largest >= known:
        raise ValueError(
            f'an image of camera {largest} (from 0) is to be translated, but the model knows '
            f'{known} cameras of the {domain}; leave such images out, or train with '
            f'num_cameras={largest + 1} of that domain'
        )
