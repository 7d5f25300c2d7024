"""ClusterContrast: an encoder trained without labels, by the centroids of its own clusters."""

from torch import Tensor, nn

from reidgen.registry import LOSSES, MEMORIES, MODELS, build

from .adversarial import AdversarialModel
from .data_checks import check_bank_rows
from .network_checks import check_bank_dims
from .phases import MemoryUse, Phase


@MODELS.register_module()
class ClusterContrast(AdversarialModel):
    """Cluster contrast, or camera-aware proxies: a warm-up of E_c without labels.

        x --E_c--> v    contrast(v, centroids of the clusters of all training images)

    With `contrast=dict(type='ProxyContrast')` and one centroid a cluster it is cluster contrast
    (Dai et al., ACCV 2022); with `same_camera=True`, a `per_camera` bank and `inter` it is
    camera-aware proxies (Wang et al., AAAI 2021). PseudoLabelHook clusters, ClusterSampler or
    ProxySampler draws. A stage_*.pth starts another model's E_c through its key `weights`.

    Args:
        networks: E_c.
        contrast: config of the criterion of the family `cluster`.
        bank: config of the CentroidBank over the training images.
        loss_weights: of `cluster`, above 0, and of `inter`, 0 by default.
        inter: config of the inter-camera criterion of the family `inter`; None with weight 0.

    Raises:
        ValueError: bank, criteria and weights do not fit each other.
    """

    loss_families = ('cluster', 'inter')
    default_weights = dict(inter=0.0)

    def __init__(
        self,
        networks: dict[str, dict],
        contrast: dict,
        bank: dict,
        loss_weights: dict[str, float],
        inter: dict | None = None,
    ):
        super().__init__(networks, loss_weights)
        self.contrast = build(contrast, LOSSES, 'model.contrast')
        self.inter = build(inter, LOSSES, 'model.inter') if inter else None
        self.bank = build(bank, MEMORIES, 'model.bank')
        self.check_phases()
        self._check_bank()
        self._check_weights(self.loss_weights, 'model')

    def phases(self) -> tuple[Phase, ...]:
        memory = MemoryUse('bank', 'target', 'cluster', lambda x: x)
        return (Phase('T', ('E_c',), self.cluster_losses, self.embed_target, ('target',),
                      memory=(memory,)),)  # fmt: skip

    def embed_target(self, batch) -> Tensor:
        return self.E_c(batch.target.img).embedding

    def cluster_losses(self, batch, x: Tensor) -> dict[str, Tensor]:
        index = batch.target.index
        losses = {'cluster.t': self.contrast(self.bank, x, index)}
        if self.on('inter'):
            assert self.inter is not None, 'loss_weights.inter is weighed without model.inter'
            losses['inter.t'] = self.inter(self.bank, x, index)
        return losses

    def embed(self, img: Tensor) -> Tensor:
        return nn.functional.normalize(self.E_c(img).embedding.float())

    # ---- checks ----

    def check_data(self, datasets, batch_sizes, stages) -> None:
        check_bank_rows(self, datasets, stages)
        for stage in stages:
            self._check_weights({**self.loss_weights, **stage.loss_weights}, f'stage {stage.name}')
            dataset = datasets.get(stage.fields(tuple(datasets)).get('target'))
            if dataset is None:  # told by check_reads
                continue
            if dataset.num_identities or stage.labels != 'cluster':
                raise ValueError(
                    f'stage {stage.name}: ClusterContrast learns from the clusters of unlabelled '
                    f"images; set labels='cluster' in the stage and labelled=False in the data set "
                    f'{dataset.name}'
                )
            if self.bank.per_camera and len(set(dataset.camids.tolist())) == 1:
                raise ValueError(
                    f'model.bank.per_camera is True, but all images of {dataset.name} are of one '
                    f'camera; set bank.per_camera=False and contrast.same_camera=False, without '
                    f'inter'
                )

    def _check_bank(self) -> None:
        if not hasattr(self.bank, 'proxies'):
            raise ValueError(
                f'model.bank is a {type(self.bank).__name__}, which has no centroids; set '
                f"model.bank.type='CentroidBank'"
            )
        check_bank_dims(self, ('bank',))
        same_camera = getattr(self.contrast, 'same_camera', self.bank.per_camera)
        if same_camera is not self.bank.per_camera:
            raise ValueError(
                f'model.contrast.same_camera is {same_camera} but model.bank.per_camera is '
                f'{self.bank.per_camera}: set both, for camera-aware proxies, or none, for one '
                f'centroid a cluster'
            )

    def _check_weights(self, weights: dict[str, float], place: str) -> None:
        if not weights['cluster']:
            raise ValueError(
                f'{place}: loss_weights.cluster is 0, but the memory is clustered and written for '
                f'it; give it a weight'
            )
        if weights['inter'] and (self.inter is None or not self.bank.per_camera):
            raise ValueError(
                f'{place}: loss_weights.inter is not 0, which needs '
                f"model.inter=dict(type='InterCameraContrast') and model.bank.per_camera=True"
            )
