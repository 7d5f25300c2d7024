"""Hook for pseudo-labels by clustering feature banks."""

from pathlib import Path

from mmengine.dist import broadcast, is_main_process
from mmengine.hooks import Hook
from torch import Tensor

from reidgen.choices import one_of
from reidgen.datasets.cluster_samplers import TooFewClusters
from reidgen.evaluation.adabn import ADABN_BY
from reidgen.memory.clustering import Clusters
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import CLUSTERINGS, HOOKS, build

from ..cluster_log import FOLDER, draw_clusters, log_clusters
from ..embedding import embed_adapted, embed_dataset
from ..resuming import remove_later_pictures

FEATURES = ('fresh', 'stage', 'bank')


@HOOKS.register_module()
class PseudoLabelHook(Hook):
    """Clusters the feature banks of unlabelled images in stages with labels='cluster'.

    Before such a stage and every n iterations within it, features of all images of a memory are
    clustered, the clusters become the labels of its rows (-1: outlier), and the sampler of the
    images draws by them from the next batch on. What was prefetched by old labels is dropped.
    Where there is no cluster, or the sampler can make no batch of them, a warning says what the
    distances were, and training goes on with the labels of the clustering before; without one
    before, that is an error.

    Args:
        clustering: config of a registered clustering, features (N, D) -> Clusters.
        interval: iterations between clusterings.
        features: 'fresh': all images are embedded anew in eval mode, with batch-norm statistics of
            their own (AdaBN), by `val_cfg.adabn_by`, where the model is evaluated so, and fill the
            memory; 'stage': so
            before the stage, and within it the rows as they stand (GCL, Chen et al., CVPR 2021);
            'bank': the rows as they stand, also those of a stage before.
        batch_size: images a forward.
        num_drawn: of the largest clusters, a line each in `<work dir>/clusters/*.png`; 0: no
            picture.
        adabn_by: 'domain' or 'camera', where images are embedded with their own statistics whether
            the model is evaluated so or not; None: as it is evaluated.

    Raises:
        ValueError: unknown features, statistics or clustering. Before training, a memory that keeps
            no rows with other features than 'fresh'. TooFewClusters: no labels to train by, see
            above.
    """

    writes_labels = True
    priority = 'ABOVE_NORMAL'  # before MemoryInitHook, which would fill what is filled here

    def __init__(
        self,
        clustering: dict,
        interval: int = 50,
        features: str = 'fresh',
        batch_size: int = 128,
        num_drawn: int = 0,
        adabn_by: str | None = None,
    ):
        if features not in FEATURES:
            raise ValueError(f"features is '{features}'; known: {', '.join(FEATURES)}")
        if interval < 1:
            raise ValueError(f'interval is {interval}; cluster every 1 or more iterations')
        self.clustering = build(clustering, CLUSTERINGS, 'PseudoLabelHook.clustering')
        if num_drawn < 0:
            raise ValueError(f'num_drawn is {num_drawn}; draw 0 (no picture) or more clusters')
        self.interval, self.features, self.batch_size = interval, features, batch_size
        self.num_drawn = num_drawn
        if adabn_by is not None:
            one_of(adabn_by, ADABN_BY, 'PseudoLabelHook.adabn_by')
        self.adabn_by = adabn_by

    def before_train(self, runner) -> None:
        model = unwrap_model(runner.model)
        for name in {use.bank for phase in model.phases() for use in phase.memory}:
            bank = getattr(model, name)
            if self.features != 'fresh' and not getattr(bank, 'keeps_rows', True):
                raise ValueError(
                    f"PseudoLabelHook.features is '{self.features}', but model.{name}, a "
                    f'{type(bank).__name__}, keeps no feature of an image that could be clustered '
                    f"later; set features='fresh'"
                )

    def after_resume(self, runner, iteration: int) -> None:
        """Removes the pictures of clusters of later iterations."""
        if is_main_process():
            remove_later_pictures(Path(runner.work_dir, FOLDER), iteration, runner.logger)

    def before_stage(self, runner) -> None:
        loop = runner.train_loop
        for loader in set(loop.fields.values()):
            sampler = loop.dataloader.loaders[loader].sampler
            if hasattr(sampler, 'forget_labels'):
                sampler.forget_labels()  # of an earlier stage, which a resumed run does not know
        for bank, field in self._memories(runner):
            if loop.done == 0:
                self._cluster(runner, bank, field, runner.iter, self.features != 'bank')
            self._tell(runner, bank, field)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        loop = runner.train_loop
        done = loop.done + 1
        if done % self.interval or done == loop.stage.iters:
            return
        for bank, field in self._memories(runner):
            if not self._cluster(runner, bank, field, runner.iter + 1, self.features == 'fresh'):
                continue
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

    def _cluster(self, runner, bank: str, field: str, step: int, anew: bool) -> bool:
        """New labels for a memory; False where there are too few clusters and the old ones stay.

        Args:
            step: iterations done.
            anew: embeds all images first.
        """
        memory = getattr(unwrap_model(runner.model), bank)
        if anew or not memory.filled:
            memory.fill(self.embed(runner, field), memory.labels)
        found = self.clustering(memory.features)
        labels = found.labels.to(memory.labels)
        broadcast(labels)  # processes must not differ by a rounding
        dataset = runner.train_loop.dataset_of(field)
        log_clusters(runner, step, bank, dataset, found._replace(labels=labels))
        if self.num_drawn:
            draw_clusters(runner, step, bank, dataset, labels, memory.features, self.num_drawn)
        fault = self._fault(runner, field, labels)
        if fault is None:
            memory.set_labels(labels, getattr(dataset, 'camids', None))
            return True
        fault = f'{bank}: {fault}. Clustered with {self._explained(memory.features, found)}'
        if (memory.labels == -1).all():
            raise TooFewClusters(
                f'{fault}. There are no earlier labels to train by: change the clustering of '
                f'PseudoLabelHook, or train the encoder longer before this stage'
            )
        # the iteration makes it another message: a logger drops a warning that it has given
        runner.logger.warning(
            f'{fault}. The clustering at iteration {runner.iter + 1} is skipped, the labels '
            f'before it stay'
        )
        return False

    def _fault(self, runner, field: str, labels: Tensor) -> str | None:
        """Why no batch can be made of the clusters; None where the sampler has taken them."""
        if (labels == -1).all():
            return (
                f'no cluster, all {len(labels)} images are outliers; raise eps or lower min_samples'
            )
        sampler = self._sampler(runner, field)
        if hasattr(sampler, 'set_labels'):
            try:
                sampler.set_labels(labels)
            except TooFewClusters as error:
                return str(error)
        return None

    def _explained(self, features: Tensor, found: Clusters) -> str:
        if hasattr(self.clustering, 'explain'):
            return self.clustering.explain(features, found)
        return f'{type(self.clustering).__name__}, eps={found.eps}'

    def _sampler(self, runner, field: str):
        loop = runner.train_loop
        return loop.dataloader.loaders[loop.fields[field]].sampler

    def embed(self, runner, field: str) -> Tensor:
        """Features (N, D) of all images of a field, with which its memory is filled."""
        model, dataset = unwrap_model(runner.model), runner.train_loop.dataset_of(field)
        loop, what = runner.val_loop, f'embed {field}'
        by = self.adabn_by
        if by is None and loop is not None and loop.recalibrates:
            by = loop.adabn_by
        if by is None:
            return embed_dataset(model, dataset, self.batch_size, what)
        return embed_adapted(model, dataset, by, self.batch_size, what)

    def _tell(self, runner, bank: str, field: str) -> None:
        sampler = self._sampler(runner, field)
        if hasattr(sampler, 'set_labels'):
            sampler.set_labels(getattr(unwrap_model(runner.model), bank).labels)
