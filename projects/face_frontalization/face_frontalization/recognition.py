"""Recognition of faces among frontal ones under other lights, and means by angle."""

from collections.abc import Mapping

import torch
from torch import Tensor


def rank1_hits(
    probes: Tensor,
    gallery: Tensor,
    probe_pids: Tensor,
    gallery_pids: Tensor,
    probe_lights: Tensor,
    gallery_lights: Tensor,
) -> Tensor:
    """Whether the nearest gallery picture under another light shows the probe's person.

    Args:
        probes: (Q, D) features, L2-normalised; `gallery` (N, D) likewise.
        probe_lights: (Q,) number of the light of the picture that a probe is, or is made of;
            gallery pictures under it are left out.

    Returns:
        (Q,) bool.

    Raises:
        ValueError: a probe has no gallery picture of its person under another light.
    """
    allowed = probe_lights[:, None] != gallery_lights[None]  # (Q, N)
    own = probe_pids[:, None] == gallery_pids[None]
    alone = ~(allowed & own).any(dim=1)
    if bool(alone.any()):
        pid = int(probe_pids[alone][0])
        raise ValueError(
            f'{int(alone.sum())} of {len(probes)} probes, the first of person {pid}, have no '
            f'frontal picture of the person under another light; give a data set with two or more '
            f'lights at yaw 0'
        )
    similar = (probes @ gallery.t()).masked_fill(~allowed, -torch.inf)
    return gallery_pids[similar.argmax(dim=1)] == probe_pids


def means_by_angle(measures: Mapping[str, Tensor], yaws: Tensor) -> dict[str, dict[str, float]]:
    """Mean of each measure (N,) over the faces of an angle |yaw|, and `num`, their number.

    Keys are angles in degrees, as texts, in increasing order, and 'all'.
    """
    angles = yaws.abs()
    groups = {str(a): angles == a for a in sorted(set(angles.tolist()))}
    groups['all'] = torch.ones_like(angles, dtype=torch.bool)
    return {
        name: dict(num=int(rows.sum()))
        | {key: values[rows].double().mean().item() for key, values in measures.items()}
        for name, rows in groups.items()
    }
