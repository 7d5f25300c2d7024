"""Shared forward of a CrossDomainGCL: its result, poses and pictures."""

from typing import NamedTuple

from torch import Tensor

from reidgen.structures import Code


class Translations(NamedTuple):
    """Images generated and encoded in an iteration; `a2b`: content of a in style b."""

    c_s: Code  # E_c(x_s)
    c_t: Code
    x_s2s: Tensor  # (B, 3, H, W) F(p_s, c_s) ~ x_s
    x_t2t: Tensor  # G(p_t, c_t) ~ x_t
    x_s2t: Tensor  # G(., c_s): the source person in target style
    x_t2s: Tensor  # F(., c_t)
    c_s2t: Code  # E_c(x_s2t)
    c_t2s: Code
    x_s2t2s: Tensor  # F(p_s, c_s2t) ~ x_s
    x_t2s2t: Tensor  # G(p_t, c_t2s) ~ x_t
    c_s2t2s: Code
    c_t2s2t: Code


def cross_poses(model, batch, p_s, p_t) -> tuple:
    """Pose codes of x_s2t and x_t2s as `cross_pose` says; p_s and p_t are those of the images."""
    choice = pose_choice(model.cross_pose, model.stage_name)
    if choice == 'own':
        return p_s, p_t
    if choice == 'other':
        return p_t, p_s
    return model.E_p(batch.source.novel_map), model.E_p(batch.target.novel_map)


def pose_choice(cross_pose: str | dict[str, str], stage: str | None) -> str:
    """'own', 'novel' or 'other' in a stage; one that a dict does not name has 'own'."""
    return cross_pose if isinstance(cross_pose, str) else cross_pose.get(stage or '', 'own')


def visuals(model, batch) -> list[tuple[str, Tensor]]:
    """Columns of a picture: each domain with its maps, reconstructed, translated and back."""
    s, t, x = batch.source, batch.target, model.forward_translation(batch)
    return [
        ('x_s', s.img),
        ('m_s', s.pose_map),
        ('x_s2s', x.x_s2s),
        ('x_s2t', x.x_s2t),
        ('x_s2t2s', x.x_s2t2s),
        ('x_t', t.img),
        ('m_t', t.pose_map),
        ('x_t2t', x.x_t2t),
        ('x_t2s', x.x_t2s),
        ('x_t2s2t', x.x_t2s2t),
    ]


def diversity_pairs(model, batch) -> dict[str, tuple[Tensor, Tensor]]:
    """x_s2t beside x_t, and x_t2s beside x_s."""
    s, t = batch.source, batch.target
    return {
        's2t': (model.translate(s, 'target'), t.img),
        't2s': (model.translate(t, 'source'), s.img),
    }
