"""Hooks for learning rates by stage."""

from mmengine.hooks import Hook, RuntimeInfoHook

from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS

from ..stage_lr import lr_factor


@HOOKS.register_module()
class StageLRHook(Hook):
    """Sets the learning rates of the groups by the stage's rules; stateless."""

    priority = 5  # after StageHook, before the rates are logged

    def before_train(self, runner) -> None:
        if runner.param_schedulers:
            raise ValueError(
                'param_scheduler and the lr rules of train_cfg.stages would both set the learning '
                'rates; remove param_scheduler from the config'
            )
        for stage in runner.train_loop.stages:
            for name in stage.lr:
                if name not in runner.optim_wrapper:
                    raise ValueError(
                        f'stage {stage.name}: lr names the group {name!r}; optim_wrapper has '
                        f'{sorted(runner.optim_wrapper.keys())}'
                    )

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        loop = runner.train_loop
        for name, group in runner.optim_wrapper.items():
            factor = lr_factor(loop.done, loop.stage.iters, **loop.stage.lr.get(name, {}))
            for lr, param_group in zip(group.base_lrs, group.param_groups):
                param_group['lr'] = lr * factor


@HOOKS.register_module()
class StageRuntimeInfoHook(RuntimeInfoHook):
    """Logs as mmengine's hook, with the learning rates of the groups stepped in this stage only."""

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        hub, model = runner.message_hub, unwrap_model(runner.model)
        hub.update_info('iter', runner.iter)
        for name, group in runner.optim_wrapper.items():
            key = f'train/{name}.lr'
            if any(
                group.serves(phase.name) and group.networks & set(phase.trains) - model.frozen
                for phase in model.stage_phases
            ):
                hub.update_scalar(key, group.get_lr()['lr'][0])
            else:
                hub.log_scalars.pop(key, None)
