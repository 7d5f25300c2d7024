"""Loop of a staged training with several loaders."""

import torch
from mmengine.dist import barrier
from mmengine.runner import BaseLoop

from reidgen.choices import one_of
from reidgen.models.adversarial import unwrap_model
from reidgen.models.data_checks import check_batches, check_encoder_size
from reidgen.registry import LOOPS

from .amp import check_bfloat16
from .ddp import average_statistics
from .heartbeat import HEARTBEAT
from .loaders import ParallelLoader, build_loader
from .stages import Stage, batches_drawn, check_reads, parse_stages, stage_at, used_loaders
from .step import run_phases


@LOOPS.register_module()
class StagedTrainLoop(BaseLoop):
    """Training loop over stages, counted in iterations.

    Args:
        runner: the runner.
        dataloader: named loaders, see `loaders.build_loader`.
        stages: see `stages.Stage`.
        first_stage: earlier stages are left out; their result comes with `load_from`.
        amp: bfloat16 autocast; 'emulated' also on a CPU without its instructions, see `amp`.

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
        amp: bool | str = False,
    ):
        one_of(amp, (False, True, 'emulated'), 'train_cfg.amp')
        if amp is True:
            check_bfloat16(unwrap_model(runner.model).data_preprocessor.device.type)
        self.stages = parse_stages(stages, first_stage)
        self.left_out = tuple(stage['name'] for stage in stages[: -len(self.stages)])
        loaders = {
            name: build_loader(runner.dataset(cfg), cfg, runner.seed, name)
            for name, cfg in dataloader.items()
            if name in used_loaders(self.stages, tuple(dataloader))
        }
        self.max_iters = sum(stage.iters for stage in self.stages)
        super().__init__(runner, ParallelLoader(loaders, self.max_iters))
        self.model = unwrap_model(runner.model)
        self.model.amp, self.model.rng.seed = bool(amp), runner.seed
        self.model.check_phases()
        check_reads(self.stages, self.model, tuple(dataloader))
        batch_sizes = {name: loader.batch_size for name, loader in loaders.items()}
        check_encoder_size(self.model, self.dataloader.dataset, 'train_dataloader')
        self.model.check_data(self.dataloader.dataset, batch_sizes, self.stages)
        samplers = {name: loader.sampler for name, loader in loaders.items()}
        for warning in check_batches(self.model, self.stages, batch_sizes, samplers):
            runner.logger.warning(warning)
        self._check_evaluations()
        if self.left_out and runner._load_from is None and not runner._resume:
            runner.logger.warning(
                f'the stages before {first_stage} are left out and nothing is loaded: the networks '
                f'are as their `weights` or chance made them; --load-from brings a result'
            )
        self._iter, self._epoch, self.max_epochs = 0, 0, 1
        self.stop_training = False
        self.evaluated_stage: Stage | None = None  # the stage the latest evaluation belongs to

    @property
    def iter(self) -> int:
        """Iterations done."""
        return self._iter

    @property
    def epoch(self) -> int:
        """Epoch, always 0: the whole training is one epoch to mmengine."""
        return self._epoch

    @property
    def stage_names(self) -> tuple[str, ...]:
        """Names of all stages of the config, those before `first_stage` included."""
        return (*self.left_out, *(stage.name for stage in self.stages))

    @property
    def stage(self) -> Stage:
        """Stage of the current iteration; after the last one, the last stage."""
        return stage_at(self.stages, min(self._iter, self.max_iters - 1))[0]

    @property
    def done(self) -> int:
        """Iterations of the current stage that are done."""
        return stage_at(self.stages, min(self._iter, self.max_iters - 1))[1]

    @property
    def fields(self) -> dict[str, str]:
        """Mapping from batch fields to training loaders in the current stage."""
        return self.stage.fields(tuple(self.dataloader.loaders))

    def dataset_of(self, field: str):
        """Training set that a field of the current stage's batches is drawn from."""
        return self.dataloader.dataset[self.fields[field]]

    def batches_drawn(self, loader: str, iteration: int | None = None) -> int:
        """Number of batches drawn from a loader before an iteration, by default the current one."""
        return batches_drawn(self.stages, self._iter if iteration is None else iteration, loader)

    def run(self) -> torch.nn.Module:
        """Trains from the current iteration to the end."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        if self.runner._resume:
            # the work dir becomes what it was when the checkpoint was written
            self.runner.call_hook('after_resume', iteration=self._iter)
            barrier()
        if (
            self._iter > 0
            and self.runner.message_hub.runtime_info.get('evaluated_at') != self._iter
        ):
            self._evaluate_if_due()  # killed between a checkpoint and its evaluation
        entered = None
        while self._iter < self.max_iters and not self.stop_training:
            stage = self.stage
            if stage is not entered:
                # before anything is drawn: a hook may decide what the data sets hand out, which
                # workers that go on from the stage before would not see
                self.dataloader.stop()
                self.runner.call_hook('before_stage')
                fields = self.fields
                self.dataloader.start(
                    fields,
                    {name: self.batches_drawn(name) for name in fields.values()},
                )
                entered = stage
            self.runner.model.train()
            HEARTBEAT.beat('data loading', self._iter)
            batches = [next(self.dataloader) for _ in range(stage.accumulate)]
            try:
                self.run_iter(batches)
            except FloatingPointError as error:
                self.runner.call_hook('after_divergence', error=error)
                raise
            self._evaluate_if_due()
        self.dataloader.stop()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_iter(self, batches: list) -> None:
        """Runs an iteration: preprocessing, phases, and hooks, which get the first micro-batch."""
        self.runner.call_hook('before_train_iter', batch_idx=self._iter, data_batch=batches[0])
        logs = run_phases(
            self.model,
            [self.model.data_preprocessor(batch) for batch in batches],
            self.runner.optim_wrapper,
            self._iter,
            self.done,
        )
        average_statistics(self.model)
        values = torch.stack([value.float() for value in logs.values()]).tolist()  # one transfer
        self.runner.call_hook(
            'after_train_iter',
            batch_idx=self._iter,
            data_batch=batches[0],
            outputs=dict(zip(logs, values)),
        )
        self._iter += 1

    def _evaluate_if_due(self) -> None:
        stage, done = stage_at(self.stages, self._iter - 1)
        due = stage.eval_every and ((done + 1) % stage.eval_every == 0 or done + 1 == stage.iters)
        if due:
            self.evaluate(stage)
            self.runner.call_hook('after_evaluation', iteration=self._iter)

    def evaluate(self, stage: Stage) -> dict[str, float]:
        """Metrics of the current model, reported for a stage."""
        self.evaluated_stage = stage
        return self.runner.val_loop.run()

    def _check_evaluations(self) -> None:
        for stage in self.stages:
            if (stage.eval_every or stage.baselines) and self.runner.val_loop is None:
                raise ValueError(
                    f'stage {stage.name} evaluates, but the config has no val_dataloader, val_cfg '
                    f'and val_evaluator'
                )
            if {'adabn', 'adabn_camera'} & set(stage.baselines):
                self.runner.val_loop.statistics_set()
