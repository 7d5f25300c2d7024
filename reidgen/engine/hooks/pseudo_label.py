"""Hook for pseudo-labels by clustering feature banks."""

from contextlib import nullcontext

import torch
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from torch import Tensor

from reidgen.evaluation.adabn import adapted_batch_norm
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import CLUSTERINGS, HOOKS, build

from ..loaders import shuffled_loader
from ..progress import progress
from .memory_init import embed_dataset

FEATURES = ('fresh', 'bank')


@HOOKS.register_module()
class PseudoLabelHook(Hook):
    """Clusters the feature banks of unlabelled images in stages with labels='cluster'.

    Before such a stage and every n iterations within it, features of all images of a memory are
    clustered, the clusters become the labels of its rows (-1: outlier), and the sampler of the
    images draws by them from the next batch on. What was prefetched by old labels is dropped.

    Args:
        clustering: config of a registered clustering, features (N, D) -> Clusters.
        interval: iterations between clusterings.
        features: 'fresh': all images are embedded anew in eval mode, with batch-norm statistics of
            their own (AdaBN) where the model is evaluated so, and fill the memory; 'bank': the rows
            as they stand (GCL, Chen et al., CVPR 2021).
        batch_size: images a forward.

    Raises:
        ValueError: unknown features or clustering; or fewer clusters than the sampler needs.
    """

    writes_labels = True
    priority = 'ABOVE_NORMAL'  # before MemoryInitHook, which would fill what is filled here

    def __init__(
        self,
        clustering: dict,
        interval: int = 50,
        features: str = 'fresh',
        batch_size: int = 128,
    ):
        if features not in FEATURES:
            raise ValueError(f"features is '{features}'; known: {', '.join(FEATURES)}")
        if interval < 1:
            raise ValueError(f'interval is {interval}; cluster every 1 or more iterations')
        self.clustering = build(clustering, CLUSTERINGS, 'PseudoLabelHook.clustering')
        self.interval, self.features, self.batch_size = interval, features, batch_size

    def before_stage(self, runner) -> None:
        loop = runner.train_loop
        for bank, field in self._memories(runner):
            if loop.done == 0:
                self._cluster(runner, bank, field)
            self._tell(runner, bank, field)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        loop = runner.train_loop
        done = loop.done + 1
        if done % self.interval or done == loop.stage.iters:
            return
        for bank, field in self._memories(runner):
            self._cluster(runner, bank, field)
            self._tell(runner, bank, field)
            loader = loop.fields[field]
            loop.dataloader.restart(loader, loop.batches_drawn(loader, loop.iter + 1))

    def _memories(self, runner) -> list[tuple[str, str]]:
        """Feature banks labelled by clusters in this stage, with their batch fields."""
        loop = runner.train_loop
        if loop.stage.labels != 'cluster':
            return []
        return [
            (bank, field)
            for bank, field in unwrap_model(runner.model).active_banks().items()
            if not loop.dataset_of(field).num_identities
        ]

    def _cluster(self, runner, bank: str, field: str) -> None:
        memory = getattr(unwrap_model(runner.model), bank)
        if self.features == 'fresh' or not memory.filled:
            features = self._embed(runner, field)
            memory.fill(features, torch.full((len(features),), -1))
        found = self.clustering(memory.features)
        labels = found.labels.to(memory.labels)
        broadcast(labels)  # processes must not differ by a rounding
        memory.labels.copy_(labels)
        runner.logger.info(
            f'{bank}: {found.num_clusters} clusters, {found.num_outliers} of {len(labels)} images '
            f'are outliers, eps {found.eps}'
        )

    def _embed(self, runner, field: str) -> Tensor:
        model, dataset = unwrap_model(runner.model), runner.train_loop.dataset_of(field)
        statistics = nullcontext()
        if runner.val_loop is not None and runner.val_loop.recalibrates:
            loader = progress(shuffled_loader(dataset, self.batch_size), 're-estimate batch norm')
            images = (model.data_preprocessor(batch).img for batch in loader)
            statistics = adapted_batch_norm(getattr(model, model.encoder_name), images)
        with statistics:
            return embed_dataset(model, dataset, self.batch_size, f'embed {field}')

    def _tell(self, runner, bank: str, field: str) -> None:
        loop = runner.train_loop
        sampler = loop.dataloader.loaders[loop.fields[field]].sampler
        if hasattr(sampler, 'set_labels'):
            sampler.set_labels(getattr(unwrap_model(runner.model), bank).labels)
