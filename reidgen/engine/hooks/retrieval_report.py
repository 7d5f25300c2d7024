"""Hook for the report of all evaluations."""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from reidgen.files import write_json, write_text
from reidgen.registry import HOOKS

from .baselines import INFO as BASELINES

FILES = ('report.md', 'evaluations.json')


@HOOKS.register_module()
class RetrievalReportHook(Hook):
    """Writes `report.md` and `evaluations.json` into the work dir after every evaluation.

    Rows are each evaluation with its stage and iteration, the baselines, and the best so far;
    columns are the metrics of the first evaluation loader in per cent, in a row of its own with
    AdaBN where `val_cfg.both` reports it. The run ends with the table in its log.
    """

    priority = 'LOWEST'  # after the best checkpoint is decided

    def after_val_epoch(self, runner, metrics: dict[str, float]) -> None:
        loop = runner.train_loop
        row = dict(
            stage=loop.evaluated_stage.name,
            title=loop.evaluated_stage.title or loop.evaluated_stage.name,
            iter=loop.iter,
            metrics=metrics,
            before=loop.iter < loop.max_iters
            and loop.evaluated_stage is loop.stage
            and loop.done == 0,
        )
        rows = [
            old
            for old in runner.message_hub.runtime_info.get('evaluations', [])
            if (old['stage'], old['iter']) != (row['stage'], row['iter'])
        ]
        runner.message_hub.update_info('evaluations', [*rows, row])
        self._write(runner)

    def after_train(self, runner) -> None:
        if runner.message_hub.runtime_info.get('evaluations') and is_main_process():
            self._write(runner)
            runner.logger.info('\n' + Path(runner.work_dir, 'report.md').read_text())

    def after_resume(self, runner, iteration: int) -> None:
        """Brings the files back to the evaluations that the checkpoint has."""
        if runner.message_hub.runtime_info.get('evaluations'):
            self._write(runner)
        elif is_main_process():
            for name in FILES:
                Path(runner.work_dir, name).unlink(missing_ok=True)

    def _write(self, runner) -> None:
        if not is_main_process():
            return
        evaluations = runner.message_hub.get_info('evaluations')
        baselines = runner.message_hub.runtime_info.get(BASELINES, {})
        report, rows = (Path(runner.work_dir, name) for name in FILES)
        write_text(report, table(evaluations, baselines))
        write_json(rows, evaluations)


def table(evaluations: list[dict], baselines: dict[str, dict[str, dict[str, float]]]) -> str:
    """Markdown table of evaluations in order, baselines, best and last of the last stage.

    An evaluation before a stage's first iteration has no row of its own: it is a baseline.
    """
    keys = [key for key in evaluations[-1]['metrics'] if '/' not in key]
    lines = ['| what | ' + ' | '.join(keys) + ' |', '|---|' + '---|' * len(keys)]

    def add(what: str, metrics: dict[str, float]) -> None:
        cells = [f'{metrics[key]:.1f}' if key in metrics else '' for key in keys]
        lines.append(f'| {what} | ' + ' | '.join(cells) + ' |')

    names = dict(direct='direct transfer', adabn='AdaBN', adabn_camera='AdaBN by camera')
    waiting = dict(baselines)  # written before the stage that they were measured for

    def add_baselines(stage: str) -> None:
        for name, metrics in waiting.pop(stage, {}).items():
            add(f'**{names[name]}** (before stage {stage})', metrics)

    for row in evaluations:
        if not row['before']:
            add_baselines(row['stage'])
            add(f'{row.get("title", row["stage"])}, iteration {row["iter"]}', row['metrics'])
    for stage in list(waiting):
        add_baselines(stage)
    last = [row for row in evaluations if row['stage'] == evaluations[-1]['stage']]
    best = max(last, key=lambda row: row['metrics'][keys[0]])
    when = 'before its first iteration' if best['before'] else f'iteration {best["iter"]}'
    add(
        f'**best of stage {best["stage"]}** ({when}, chosen on the test set)',
        best['metrics'],
    )
    add(f'**last** (iteration {last[-1]["iter"]})', last[-1]['metrics'])
    adapted = {
        key.removeprefix('adabn/'): value
        for key, value in last[-1]['metrics'].items()
        if key.startswith('adabn/')
    }
    if adapted:
        add(f'**last, AdaBN** (iteration {last[-1]["iter"]})', adapted)
    return '\n'.join(lines) + '\n'
