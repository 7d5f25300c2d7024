"""What a CrossDomainGCL computes once in an iteration, for all its losses."""

from typing import NamedTuple

from torch import Tensor

from reidgen.structures import Code


class Translations(NamedTuple):
    """Everything translated and encoded in an iteration; `a2b` is content of a in style b."""

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


class Pair(NamedTuple):
    """Embeddings of two views of the same images, for the memory."""

    v: Tensor  # (B, D) of the image
    v_view: Tensor  # (B, D) of the other view
