"""Loop of retrieval evaluation, optionally with AdaBN."""

from mmengine.evaluator import Evaluator
from mmengine.runner import BaseLoop

from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.evaluation.adabn import adapted_batch_norm
from reidgen.models.adversarial import unwrap_model
from reidgen.models.data_checks import check_encoder_size
from reidgen.registry import LOOPS

from .loaders import build_loader, shuffled_loader
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
        self._adabn_loader = None
        self.recalibrates = recalibrate or getattr(self.model, 'bn_mode', None) == 'target_recalib'
        self.reports_both = both
        if both and (self.recalibrates or 'adabn' in loaders):
            raise ValueError(
                'val_cfg.both reports direct transfer and, under the name adabn, AdaBN: take '
                'recalibrate=True out, and give another name to a val_dataloader called adabn'
            )
        if self.recalibrates or both:
            self.adabn_loader()

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

    def evaluate_adapted(self) -> dict[str, float]:
        """Metrics with batch-norm statistics of unlabelled target training images (AdaBN).

        The first loader is evaluated so, the others as the encoder stands. The encoder is left as
        it was.

        Raises:
            ValueError: `val_cfg.adabn` names no training loader.
        """
        others = tuple(name for name in self.loaders if name != next(iter(self.loaders)))
        metrics = self._evaluate_first_adapted()
        return metrics | (self.evaluate(others) if others else {})

    def _evaluate_first_adapted(self) -> dict[str, float]:
        with adapted_batch_norm(self.model.retrieval_encoder, self._adabn_images()):
            return self.evaluate((next(iter(self.loaders)),))

    def _evaluate_one(self, name: str) -> dict[str, float]:
        loader, evaluator = self.loaders[name], self.evaluators[name]
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
        return evaluator.evaluate(len(loader.dataset))

    def adabn_loader(self):
        """Loader of the images for re-estimating batch-norm statistics.

        Raises:
            ValueError: `val_cfg.adabn` names no training loader.
        """
        if self._adabn_loader is None:
            training = (
                self.runner.cfg.get('train_dataloader')
                or self.runner.cfg.get('training_data')
                or {}
            )
            cfg = training.get(self.adabn)
            if cfg is None:
                raise ValueError(
                    f'val_cfg.adabn is {self.adabn!r}: name the training loader whose images '
                    f'the batch-norm statistics are re-estimated on'
                )
            self._adabn_loader = shuffled_loader(
                self.runner.dataset(cfg), self.adabn_batch_size, cfg.get('num_workers', 0)
            )
        return self._adabn_loader

    def _adabn_images(self):
        loader = self.adabn_loader()
        loader.generator.manual_seed(0)  # the batches of every evaluation, and of `reidgen test`
        for batch in progress(loader, 're-estimate batch norm'):
            yield self.model.data_preprocessor(batch).img
