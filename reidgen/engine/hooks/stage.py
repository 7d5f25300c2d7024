"""Hook for entering stages."""

import re
from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook

from reidgen.checkpoint import load_strictly, read_weights
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS

from ..optim import check_groups
from ..resuming import note_start
from ..stages import LOADED, check_same_stages, describe
from .best_loss import BestLossHook


@HOOKS.register_module()
class StageHook(Hook):
    """Enters the stage of the current iteration.

    The stage follows from the iteration alone, so a resumed run enters it again. A group of
    `optim_wrapper` that no later stage steps gives up its optimizer state.
    """

    priority = 'HIGHEST'

    def before_train(self, runner) -> None:
        loop = runner.train_loop
        check_groups(unwrap_model(runner.model), runner.optim_wrapper, loop.stages)
        for stage in loop.stages:
            if stage.labels == 'cluster' and not any(
                getattr(hook, 'writes_labels', False) for hook in runner.hooks
            ):
                raise ValueError(
                    f"stage {stage.name}: labels='cluster' needs a hook that clusters the memory "
                    f'(writes_labels = True) in custom_hooks; none is there'
                )
        self._check_starts(runner, loop)
        if is_main_process() and not runner._resume:
            note_start(runner.work_dir, runner._load_from)
        path = Path(runner.work_dir, f'{LOADED}.pth')
        if runner.iter == 0 and any(stage.start == LOADED for stage in loop.stages):
            runner.save_checkpoint(str(path.parent), path.name, save_optimizer=False)

    def before_stage(self, runner) -> None:
        loop = runner.train_loop
        if loop.done == 0 and loop.stage.start != 'last':
            self._load_start(runner, loop)
        stage = loop.stage
        unwrap_model(runner.model).enter_stage(
            stage.name, stage.phases, stage.frozen, stage.loss_weights, stage.every, stage.bn_group
        )
        self._drop_idle_states(runner, loop)
        self._drop_idle_logs(runner)
        self._tell(runner, loop)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint['stages'] = describe(runner.train_loop.stages)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume:
            check_same_stages(checkpoint['stages'], runner.train_loop.stages)

    def _check_starts(self, runner, loop) -> None:
        watched = {hook.stage for hook in runner.hooks if isinstance(hook, BestLossHook)}
        for before, stage in zip((None, *loop.stages), loop.stages):
            if stage.start != 'best':
                continue
            if before is None:
                raise ValueError(
                    f"stage {stage.name} is the first, so start='best' has nothing to start "
                    f'from; use --load-from'
                )
            if before.name not in watched:
                raise ValueError(
                    f"stage {stage.name} has start='best', but nothing keeps the best of "
                    f"{before.name}; add dict(type='BestLossHook', stage='{before.name}') to "
                    f'custom_hooks'
                )

    def _load_start(self, runner, loop) -> None:
        barrier()  # the first process may still be writing the file
        before = loop.stages[loop.stages.index(loop.stage) - 1]
        best = loop.stage.start == 'best'
        name = f'stage_{loop.stage.start}.pth'
        if best:
            name = f'best_loss_{before.name}.pth'
        elif loop.stage.start == LOADED:
            name = f'{LOADED}.pth'
        path = Path(runner.work_dir, name)
        if not path.exists():
            raise FileNotFoundError(
                f'stage {loop.stage.name} has start={loop.stage.start!r}, but there is no {path}; '
                f'put it back, or resume from an older checkpoint'
            )
        if not best:
            for group in runner.optim_wrapper.values():
                group.optimizer.state.clear()
        load_strictly(unwrap_model(runner.model), *read_weights(path))
        runner.logger.info(f'stage {loop.stage.name} starts from {path.name}')

    def _drop_idle_states(self, runner, loop) -> None:
        model = unwrap_model(runner.model)
        remaining = loop.stages[loop.stages.index(loop.stage) :]
        due = {
            (phase.name, network)
            for stage in remaining
            for phase in model.phases_under(stage.loss_weights)
            if stage.phases is None or phase.name in stage.phases
            for network in set(phase.trains) - set(stage.frozen)
        }
        for group in runner.optim_wrapper.values():
            if not any(group.serves(phase) and network in group.networks for phase, network in due):
                group.optimizer.state.clear()

    def _drop_idle_logs(self, runner) -> None:
        """Removes the log entries of phases that no longer run."""
        running = {phase.name for phase in unwrap_model(runner.model).stage_phases}
        scalars = runner.message_hub.log_scalars
        for key in [key for key in scalars if re.match(r'train/(\w+)/', key)]:
            if key.split('/')[1] not in running:
                del scalars[key]

    def _tell(self, runner, loop) -> None:
        model = unwrap_model(runner.model)
        stage = loop.stage
        trained = sorted(
            {name for phase in model.stage_phases for name in phase.trains} - model.frozen
        )
        off = [family for family in model.loss_families if not model.on(family)]
        runner.logger.info(
            f'stage {stage.name}: {stage.iters} iterations, {loop.done} done; trains '
            f'{", ".join(trained)}; '
            f'frozen: {", ".join(stage.frozen) or "none"}; weights of 0: {", ".join(off) or "none"}'
        )
