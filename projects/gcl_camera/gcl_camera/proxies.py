"""CameraGCL with camera-aware proxies of the target's clusters."""

from typing import NamedTuple

from torch import Tensor

from reidgen.models import MemoryUse, Phase
from reidgen.registry import LOSSES, MODELS, build

from .model import CameraGCL, Pair


class Both(NamedTuple):
    """Embeddings of source pairs and of target images."""

    pair: Pair
    target: Tensor  # (B, D)


@MODELS.register_module()
class ProxyGCL(CameraGCL):
    """CameraGCL whose phase T contrasts with camera-aware proxies (Wang et al., AAAI 2021).

    A cluster of the target has a centroid for each of its cameras. Target images are contrasted
    with those of their own camera (family `cluster`), and with those of their cluster under other
    cameras (family `inter`). Phase B is M and T in one step: the memory of source images and their
    translations, and the proxies of the target. Phase K is T with a second view of each image: an
    image of PositivePairs and, as `cluster.copy`, its camera-styled copy (Zhong et al., CVPR 2018)
    have the same proxies as positives.

    Args:
        proxies: config of the intra-camera criterion.
        inter: config of the inter-camera criterion.
        options: of CameraGCL; `bank_t` is a CentroidBank with per_camera=True, and `memory_t`,
            which reads single images, has weight 0.

    Raises:
        ValueError: bank_t or the criteria tell no cameras apart, or memory_t is weighed.
    """

    default_weights = CameraGCL.default_weights | dict(inter=1.0)
    loss_families = (*CameraGCL.loss_families, 'inter')

    def __init__(self, proxies: dict, inter: dict, **options):
        super().__init__(**options)
        self.proxies = build(proxies, LOSSES, 'model.proxies')
        self.inter = build(inter, LOSSES, 'model.inter')
        self._check_proxies()

    def phases(self) -> tuple[Phase, ...]:
        both = Phase(
            'B', ('E_c',), self.both_losses, self.embed_both, ('pairs', 'clusters'),
            memory=(MemoryUse('bank', 'pairs', 'memory', lambda x: x.pair.v),
                    MemoryUse('bank_t', 'clusters', 'cluster', lambda x: x.target)))  # fmt: skip
        copies = Phase(
            'K', ('E_c',), self.copy_losses, self.embed_copies, ('copies',),
            memory=(MemoryUse('bank_t', 'copies', 'cluster', lambda x: x.v),))  # fmt: skip
        return (*super().phases(), both, copies)

    def embed_both(self, batch) -> Both:
        return Both(self.embed_pairs(batch), self.embed_clusters(batch))

    def both_losses(self, batch, x: Both) -> dict[str, Tensor]:
        return self.pair_losses(batch, x.pair) | self.cluster_losses(batch, x.target)

    def cluster_losses(self, batch, x: Tensor) -> dict[str, Tensor]:
        return self._proxy_losses('t', x, batch.clusters.index)

    def embed_copies(self, batch) -> Pair:
        return Pair(self.E_c(batch.copies.img).embedding, self.E_c(batch.copies.second).embedding)

    def copy_losses(self, batch, x: Pair) -> dict[str, Tensor]:
        index = batch.copies.index
        copies = self._proxy_losses('copy', x.v_positive, index)
        return self._proxy_losses('t', x.v, index) | copies

    def _proxy_losses(self, detail: str, x: Tensor, index: Tensor) -> dict[str, Tensor]:
        losses = {f'cluster.{detail}': self.proxies(self.bank_t, x, index)}
        if self.on('inter'):
            losses[f'inter.{detail}'] = self.inter(self.bank_t, x, index)
        return losses

    def check_data(self, datasets, batch_sizes: dict[str, int], stages) -> None:
        super().check_data(datasets, batch_sizes, stages)
        for stage in stages:
            weights = self.loss_weights | stage.loss_weights
            if weights['memory_t']:
                raise ValueError(
                    f'stage {stage.name}: loss_weights.memory_t is {weights["memory_t"]}, but '
                    f'bank_t keeps centroids and no image; set it to 0'
                )

    def _check_proxies(self) -> None:
        if not getattr(self.bank_t, 'per_camera', False):
            raise ValueError(
                f'model.bank_t is a {type(self.bank_t).__name__}, of which proxies of cameras '
                f"cannot be read; set model.bank_t.type='CentroidBank' and per_camera=True"
            )
        if not getattr(self.proxies, 'same_camera', False):
            raise ValueError(
                'model.proxies contrasts a cluster with its own other cameras; set '
                'model.proxies.same_camera=True'
            )
