"""Loop of retrieval evaluation, optionally with AdaBN."""

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.evaluator import Evaluator
from mmengine.runner import BaseLoop
from torch import Tensor
from torch.utils.data import DataLoader

from reidgen.choices import one_of
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.evaluation.adabn import ADABN_BY, Part, adabn_parts, adapted_batch_norm
from reidgen.models.adversarial import unwrap_model
from reidgen.models.data_checks import check_encoder_size
from reidgen.registry import LOOPS

from .loaders import Rows, build_loader, statistics_loader
from .progress import progress


def set_dataset(evaluator: Evaluator, dataset: ReIDDataset) -> None:
    """Sets the data set of the metrics, which check its labels.

    Raises:
        ValueError: no query has a match under a metric's protocol.
    """
    evaluator.dataset_meta = dataset.metainfo
    for metric in evaluator.metrics:
        if hasattr(metric, 'check_labels'):
            metric.check_labels(dataset.pids, dataset.camids)


@LOOPS.register_module()
class RetrievalValLoop(BaseLoop):
    """Evaluation loop: embeds query and gallery images and reports retrieval metrics.

    Args:
        runner: the runner.
        dataloader: named loaders; the first reports plain `mAP`, the others prefixed
            (`source/mAP`).
        evaluator: config of the metric, one for all loaders.
        adabn: name of the training loader whose images batch-norm statistics are re-estimated on;
            AdaBN.
        adabn_batch_size: images a batch then.
        adabn_by: 'domain': statistics of all these images; 'camera': of those of an image's own
            camera (Zhuang et al., ECCV 2020), which needs the cameras of the images that are tested
            and is no longer AdaBN alone: cameras are told apart.
        recalibrate: evaluate with such statistics always, as a model with bn_mode='target_recalib'
            does.
        both: the first loader's metrics with such statistics are reported too, as `adabn/mAP`.

    Raises:
        ValueError: `both` with `recalibrate`, or a loader of the name 'adabn' beside it; a data set
            in which no query has a match under the evaluator's protocol.
    """

    def __init__(
        self,
        runner,
        dataloader: dict,
        evaluator: dict,
        adabn: str | None = None,
        adabn_batch_size: int = 128,
        adabn_by: str = 'domain',
        recalibrate: bool = False,
        both: bool = False,
    ):
        loaders = {
            name: build_loader(runner.dataset(cfg), cfg, 0, name, 'val_dataloader')
            for name, cfg in dataloader.items()
        }
        super().__init__(runner, next(iter(loaders.values())))
        self.loaders = loaders
        self.evaluators = {name: runner.build_evaluator(dict(evaluator)) for name in loaders}
        for name, loader in loaders.items():
            set_dataset(self.evaluators[name], loader.dataset)
        self.model = unwrap_model(runner.model)
        datasets = {name: loader.dataset for name, loader in loaders.items()}
        check_encoder_size(self.model, datasets, 'val_dataloader')
        self.adabn, self.adabn_batch_size = adabn, adabn_batch_size
        self.adabn_by = one_of(adabn_by, ADABN_BY, 'val_cfg.adabn_by')
        self._loader_cfgs = dict(dataloader)
        self.recalibrates = recalibrate or getattr(self.model, 'bn_mode', None) == 'target_recalib'
        self.reports_both = both
        if both and (self.recalibrates or 'adabn' in loaders):
            raise ValueError(
                'val_cfg.both reports direct transfer and, under the name adabn, AdaBN: take '
                'recalibrate=True out, and give another name to a val_dataloader called adabn'
            )
        if self.recalibrates or both:
            self.statistics_set()

    @property
    def adabn_name(self) -> str:
        """'AdaBN' or 'AdaBN by camera', for tables and files."""
        return 'AdaBN by camera' if self.adabn_by == 'camera' else 'AdaBN'

    @property
    def evaluator(self):
        """Evaluator of the first loader."""
        return next(iter(self.evaluators.values()))

    def run(self) -> dict[str, float]:
        """Metrics of all loaders by name; the model's mode is restored."""
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        metrics = self.evaluate_adapted() if self.recalibrates else self.evaluate()
        if self.reports_both:
            adapted = self._evaluate_first_adapted()
            metrics |= {f'adabn/{key}': value for key, value in adapted.items()}
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        # not before: a checkpoint written by one hook may lack what a later hook adds
        self.runner.message_hub.update_info('evaluated_at', self.runner.iter)
        self.runner.call_hook('after_val')
        return metrics

    def evaluate(self, names: tuple[str, ...] | None = None) -> dict[str, float]:
        """Metrics of the current E_c on the named loaders, by default all; calls no hook."""
        was_training, metrics = self.model.training, {}
        self.model.eval()
        first = next(iter(self.loaders))
        for name in names or self.loaders:
            found = self._evaluate_one(name)
            metrics |= (
                found if name == first else {f'{name}/{key}': value for key, value in found.items()}
            )
        self.model.train(was_training)
        return metrics

    def evaluate_adapted(self, by: str | None = None) -> dict[str, float]:
        """Metrics with batch-norm statistics of unlabelled target training images (AdaBN).

        Args:
            by: as `adabn_by`, the default.

        The first loader is evaluated so, the others as the encoder stands. The encoder is left as
        it was.

        Raises:
            ValueError: `val_cfg.adabn` names no training loader.
        """
        others = tuple(name for name in self.loaders if name != next(iter(self.loaders)))
        metrics = self._evaluate_first_adapted(by)
        return metrics | (self.evaluate(others) if others else {})

    def _evaluate_first_adapted(self, by: str | None = None) -> dict[str, float]:
        name, loader = next(iter(self.loaders.items()))
        was_training = self.model.training
        self.model.eval()
        for part in self.parts(loader.dataset, by):
            whole = len(part.rows) == len(loader.dataset)
            with self.adapted(part):
                self._process(name, loader if whole else self._part_loader(name, part.rows))
        self.model.train(was_training)
        return self.evaluators[name].evaluate(len(loader.dataset))

    def parts(self, dataset, by: str | None = None) -> list[Part]:
        """Parts of a data set by the statistics that its images are embedded with."""
        return adabn_parts(dataset.camids, self.statistics_set().camids, by or self.adabn_by)

    @contextmanager
    def adapted(self, part: Part) -> Iterator[None]:
        """Context in which the encoder has the statistics of a part."""
        with adapted_batch_norm(self.model.retrieval_encoder, self._adabn_images(part.statistics)):
            yield

    def _part_loader(self, name: str, rows: list[int]) -> DataLoader:
        dataset = Rows(self.loaders[name].dataset, rows)
        return build_loader(dataset, self._loader_cfgs[name], 0, name, 'val_dataloader')

    def _evaluate_one(self, name: str) -> dict[str, float]:
        loader = self.loaders[name]
        self._process(name, loader)
        return self.evaluators[name].evaluate(len(loader.dataset))

    def _process(self, name: str, loader: DataLoader) -> None:
        evaluator = self.evaluators[name]
        self.dataloader = loader  # its length is what mmengine counts the iterations against
        for number, batch in enumerate(progress(loader, f'evaluate {name}')):
            self.runner.call_hook('before_val_iter', batch_idx=number, data_batch=batch)
            features = self.model.val_step(batch)
            for (
                metric
            ) in evaluator.metrics:  # Evaluator.process would take the tensor apart, row by row
                metric.process(batch, features)
            self.runner.call_hook(
                'after_val_iter', batch_idx=number, data_batch=batch, outputs=features
            )

    def statistics_set(self):
        """Training set whose images batch-norm statistics are re-estimated on.

        Raises:
            ValueError: `val_cfg.adabn` names no training loader.
        """
        return self.runner.dataset(self._statistics_cfg())

    def _statistics_cfg(self) -> dict:
        cfg = self.runner.cfg
        training = cfg.get('train_dataloader') or cfg.get('training_data') or {}
        if self.adabn not in training:
            raise ValueError(
                f'val_cfg.adabn is {self.adabn!r}: name the training loader whose images '
                f'the batch-norm statistics are re-estimated on'
            )
        return training[self.adabn]

    def _adabn_images(self, rows: list[int]) -> Iterator[Tensor]:
        workers = self._statistics_cfg().get('num_workers', 0)
        dataset, size = self.statistics_set(), self.adabn_batch_size
        # anew each time: the batches of every evaluation, and of `reidgen test`, are the same
        loader = statistics_loader(dataset, rows, size, workers)
        for batch in progress(loader, 're-estimate batch norm'):
            yield self.model.data_preprocessor(batch).img
