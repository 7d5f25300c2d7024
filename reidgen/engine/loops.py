"""Loops: staged training with several loaders, and retrieval evaluation."""

import torch
from mmengine.dist import is_main_process
from mmengine.runner import BaseLoop
from tqdm import tqdm

from reidgen.evaluation.adabn import adapted_batch_norm
from reidgen.models.adversarial import bare
from reidgen.registry import LOOPS

from .ddp import average_statistics
from .loaders import ParallelLoader, build_loader, shuffled_loader
from .stages import Stage, batches_drawn, check_reads, parse_stages, stage_at, used_loaders
from .step import run_phases


@LOOPS.register_module()
class StagedTrainLoop(BaseLoop):
    """Trains stage after stage, counted in iterations.

    Args:
        runner: the runner.
        dataloader: named loaders, see `loaders.build_loader`.
        stages: see `stages.Stage`.
        first_stage: earlier stages are left out; their result comes with `load_from`.
        amp: bfloat16 autocast.

    Raises:
        ValueError: stages, loaders, data sets and networks do not fit together; before any
            training.
    """

    def __init__(
        self,
        runner,
        dataloader: dict,
        stages: list[dict],
        first_stage: str | None = None,
        amp: bool = False,
    ):
        self.stages, self.first_stage = parse_stages(stages, first_stage), first_stage
        loaders = {
            name: build_loader(runner.dataset(cfg), cfg, runner.seed, name)
            for name, cfg in dataloader.items()
            if name in used_loaders(self.stages, tuple(dataloader))
        }
        self.max_iters = sum(stage.iters for stage in self.stages)
        super().__init__(runner, ParallelLoader(loaders, self.max_iters))
        self.model = bare(runner.model)
        self.model.amp, self.model.draws.seed = amp, runner.seed
        check_reads(self.stages, self.model.phases, tuple(dataloader))
        self.model.check_data(
            self.dataloader.dataset,
            {name: loader.batch_size for name, loader in loaders.items()},
            self.stages,
        )
        self._check_evaluations()
        self._iter, self._epoch, self.max_epochs = 0, 0, 1
        self.stop_training = False
        self.evaluated_stage: Stage | None = None  # the stage the latest evaluation belongs to

    @property
    def iter(self) -> int:
        """Iterations done."""
        return self._iter

    @property
    def epoch(self) -> int:
        """0: the whole training is one epoch to mmengine."""
        return self._epoch

    @property
    def stage(self) -> Stage:
        """The stage of the current iteration; after the last one, the last stage."""
        return stage_at(self.stages, min(self._iter, self.max_iters - 1))[0]

    @property
    def done(self) -> int:
        """Iterations of the current stage that are done."""
        return stage_at(self.stages, min(self._iter, self.max_iters - 1))[1]

    @property
    def fields(self) -> dict[str, str]:
        """Field of the batch -> training loader, in the current stage."""
        return self.stage.fields(tuple(self.dataloader.loaders))

    def dataset_of(self, field: str):
        """Training set that a field of the current stage's batches is drawn from."""
        return self.dataloader.dataset[self.fields[field]]

    def batches_drawn(self, loader: str, iteration: int | None = None) -> int:
        """Batches that a training loader has given before an iteration; by default the current."""
        return batches_drawn(self.stages, self._iter if iteration is None else iteration, loader)

    def run(self) -> torch.nn.Module:
        """Launches training, from wherever `_iter` stands."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        if (
            self._iter > 0
            and self.runner.message_hub.runtime_info.get('evaluated_at') != self._iter
        ):
            self._evaluate_if_due()  # killed between a checkpoint and its evaluation
        entered = None
        while self._iter < self.max_iters and not self.stop_training:
            stage = self.stage
            if stage is not entered:
                # before anything is drawn: a hook may decide what the loaders hand out
                self.runner.call_hook('before_stage')
                fields = self.fields
                self.dataloader.start(
                    fields,
                    {name: self.batches_drawn(name) for name in fields.values()},
                )
                entered = stage
            self.runner.model.train()
            self.run_iter(next(self.dataloader))
            self._evaluate_if_due()
        self.dataloader.stop()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_iter(self, batch) -> None:
        """One iteration: preprocess, run the phases, tell the hooks."""
        self.runner.call_hook('before_train_iter', batch_idx=self._iter, data_batch=batch)
        logs = run_phases(
            self.model,
            self.model.data_preprocessor(batch),
            self.runner.optim_wrapper,
            self._iter,
            self.done,
        )
        average_statistics(self.model)
        values = torch.stack([value.float() for value in logs.values()]).tolist()  # one transfer
        self.runner.call_hook(
            'after_train_iter',
            batch_idx=self._iter,
            data_batch=batch,
            outputs=dict(zip(logs, values)),
        )
        self._iter += 1

    def _evaluate_if_due(self) -> None:
        stage, done = stage_at(self.stages, self._iter - 1)
        due = stage.eval_every and ((done + 1) % stage.eval_every == 0 or done + 1 == stage.iters)
        if due:
            self.evaluate(stage)

    def evaluate(self, stage: Stage) -> dict[str, float]:
        """Metrics of the model as it stands, on behalf of a stage: the one just trained or about to
        be.
        """
        self.evaluated_stage = stage
        return self.runner.val_loop.run()

    def _check_evaluations(self) -> None:
        for stage in self.stages:
            if (stage.eval_every or stage.baselines) and self.runner.val_loop is None:
                raise ValueError(
                    f'stage {stage.name} evaluates, but the config has no val_dataloader, val_cfg '
                    f'and val_evaluator'
                )
            if 'adabn' in stage.baselines:
                self.runner.val_loop.adabn_loader()


@LOOPS.register_module()
class RetrievalValLoop(BaseLoop):
    """Embeds query and gallery images and reports retrieval.

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
        ValueError: `both` with `recalibrate`, or a loader of the name 'adabn' beside it.
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
            name: build_loader(runner.dataset(cfg), cfg, 0, name)
            for name, cfg in dataloader.items()
        }
        super().__init__(runner, next(iter(loaders.values())))
        self.loaders = loaders
        self.evaluators = {name: runner.build_evaluator(dict(evaluator)) for name in loaders}
        for name, loader in loaders.items():
            self.evaluators[name].dataset_meta = loader.dataset.metainfo
        self.model = bare(runner.model)
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
        """Evaluates every loader; metrics by name. The model is left in the mode it was in."""
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
        """Metrics of E_c as it stands, no hook called; of the named loaders, by default all."""
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
        """Metrics with batch-norm statistics re-estimated on unlabelled target training images
        (AdaBN).

        The first loader is evaluated so, the others as the encoder stands. The encoder is left as
        it was.

        Raises:
            ValueError: `val_cfg.adabn` names no training loader.
        """
        others = tuple(name for name in self.loaders if name != next(iter(self.loaders)))
        metrics = self._evaluate_first_adapted()
        return metrics | (self.evaluate(others) if others else {})

    def _evaluate_first_adapted(self) -> dict[str, float]:
        encoder = getattr(self.model, self.model.encoder_name)
        with adapted_batch_norm(encoder, self._adabn_images()):
            return self.evaluate((next(iter(self.loaders)),))

    def _evaluate_one(self, name: str) -> dict[str, float]:
        loader, evaluator = self.loaders[name], self.evaluators[name]
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
        """Loader of the images that batch-norm statistics are re-estimated on.

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
        for batch in progress(self.adabn_loader(), 're-estimate batch norm'):
            yield self.model.data_preprocessor(batch).img


def progress(loader, what: str):
    """The loader behind a progress bar with ETA, on the main process's terminal only."""
    return tqdm(loader, what, leave=False, disable=None if is_main_process() else True)
