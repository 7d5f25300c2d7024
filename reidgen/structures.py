"""Batches and codes as NamedTuples, for collate, pin_memory and mmengine's cast_data.

A field `index` hides a method of tuple, which nothing here calls and type checkers report.

Letters, the same everywhere: B batch, N training images, D embedding, C channels, H and W height
    and width.
"""

from typing import NamedTuple

from torch import Tensor


class SeededIndex(NamedTuple):
    """Item of a training sampler: image row and augmentation seed.

    The seed comes from (seed of the run, position in the sequence), so an image is augmented alike
    in whatever worker process or rank it is loaded.
    """

    index: int  # type: ignore[assignment]  # row in the sorted list of records
    seed: int  # 0 <= seed < 2**63


class ImageBatch(NamedTuple):
    """Batch of images without maps; uint8 from loaders, float from the model's preprocessor."""

    img: Tensor  # (B, 3, H, W) float32, ImageNet-normalised
    pid: Tensor  # (B,) int64 identity; -1 where the domain is unlabelled
    camid: Tensor  # (B,) int64 camera, from 0
    index: Tensor  # type: ignore[assignment]  # (B,) int64 row in the sorted list of the split


class DomainBatch(NamedTuple):
    """Batch of one domain's images with pose maps."""

    img: Tensor  # (B, 3, H, W) float32, ImageNet-normalised
    pose_map: Tensor  # (B, M, H, W) float32 in [-1, 1]: the pose in img; M channels, 1 for a mesh
    novel_map: Tensor  # like pose_map, the body at a random other view; one view alone is repeated
    pid: Tensor  # (B,) int64 identity; -1 where the domain is unlabelled
    camid: Tensor  # (B,) int64 camera, from 0
    # (B,) int64 row in the sorted training list: the key into the FeatureBank
    index: Tensor  # type: ignore[assignment]


class TwoViewBatch(NamedTuple):
    """Batch of images, each with a second view of the same person."""

    img: Tensor  # (B, 3, H, W) float32, ImageNet-normalised
    second: Tensor  # (B, 3, H, W) likewise
    pid: Tensor  # (B,) int64 identity; -1 where the domain is unlabelled
    camid: Tensor  # (B,) int64 camera of img, from 0
    index: Tensor  # type: ignore[assignment]  # (B,) int64 row in the sorted training list


class Code(NamedTuple):
    """Output of a content encoder."""

    content: Tensor  # (B, num_parts * C) part features, not normalised: drives AdaIN
    embedding: Tensor  # (B, D) feature of memory and retrieval, not yet normalised
    pre_bn: Tensor  # (B, D) the same before its batch norm: the triplet loss (BNNeck)


class Proxies(NamedTuple):
    """M centroids of a memory, and which of them N images belong to."""

    centroids: Tensor  # (M, D) float32, rows of unit length
    clusters: Tensor  # (M,) int64, cluster of each centroid
    cameras: Tensor  # (M,) int64, camera of each centroid; -1 where it is of all cameras
    own: Tensor  # (N,) int64, centroid of each image; -1 of an outlier
