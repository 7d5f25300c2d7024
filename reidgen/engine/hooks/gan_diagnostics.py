"""Hook for the diagnosis of adversarial trainings."""

import logging
from collections import namedtuple
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import broadcast_object_list, get_world_size, is_main_process
from mmengine.hooks import Hook
from torch import Tensor
from torch.utils.data import default_collate

from reidgen.choices import check_count, is_whole, one_of
from reidgen.evaluation.diversity import average_hash, change, diversity, thumbnails
from reidgen.files import write_json
from reidgen.models.adversarial import AdversarialModel, unwrap_model
from reidgen.registry import HOOKS, with_options
from reidgen.spacing import evenly_spaced
from reidgen.visualization.curves import draw_diagnostics

from ..diagnosis import CODES, Fired, GANRecord, Objective, Thresholds, objective_of
from ..progress import progress
from .atomic_checkpoint import WANTED
from .safe_checkpoint import random_state, set_random_state

REPORT, CURVES = 'diagnostics.json', 'diagnostics.png'


@HOOKS.register_module()
class GANDiagnosticsHook(Hook):
    """Says why an adversarial training is good or bad, in codes with advice (docs/diagnostics.md).

    Reads what a model logs (`D/loss_adv.*`, `D/stat.*`, BEGAN's `stat.k`, `stat.M` and
    `stat.balance`) and measures the diversity rho of the images of `model.diversity_pairs`: mean
    difference of all pairs of generated images / that of real images. Writes `diagnostics.json` at
    every checkpoint and at the end, curves of a run of two evaluations and more as
    `diagnostics.png`, and scalars to the visualizer. Neither losses nor random states change.

    Args:
        interval: iterations between evaluations; the last iteration of a stage has one too.
        warmup: iterations with adversarial terms in which no code fires; at most a quarter of the
            training's iterations are taken.
        patience: evaluations in a row at which a rule must hold until its code fires.
        decay: of the exponential means of what is logged, in one iteration.
        num_images: whose diversity is measured.
        thresholds: options of `Thresholds`.
        data_diversity: read all training images once, to find those that are near-copies.
        stop_on: codes at which the training ends, after a checkpoint.

    Raises:
        ValueError: a number out of its range, or an unknown code.
    """

    priority = 'LOW'  # after the log, before the checkpoint

    def __init__(
        self,
        interval: int = 100,
        warmup: int = 2000,
        patience: int = 20,
        decay: float = 0.99,
        num_images: int = 64,
        thresholds: dict | None = None,
        data_diversity: bool = False,
        stop_on: tuple[str, ...] = (),
    ):
        check_count('GANDiagnosticsHook.interval', interval)
        check_count('GANDiagnosticsHook.patience', patience)
        if not is_whole(warmup):
            raise ValueError(
                f'GANDiagnosticsHook.warmup is {warmup!r}; it must be a whole number from 0'
            )
        if not 0 <= decay < 1:
            raise ValueError(
                f'GANDiagnosticsHook.decay is {decay!r}; it must be a number from 0 to below 1'
            )
        if not is_whole(num_images, 2):
            raise ValueError(
                f'GANDiagnosticsHook.num_images is {num_images!r}; two images and more can differ'
            )
        for code in stop_on:
            one_of(code, CODES, 'GANDiagnosticsHook.stop_on')
        place = 'GANDiagnosticsHook.thresholds'
        limits = with_options(Thresholds, dict(thresholds or {}), place)
        self.record = GANRecord(limits, warmup, patience, decay)
        self.interval, self.num_images = interval, num_images
        self.data_diversity, self.stop_on = data_diversity, tuple(stop_on)
        self._fakes: dict[str, Tensor] = {}  # thumbnails of the evaluation before
        self._batches: dict[tuple[str, ...], Any] = {}
        self._blind = False  # diversity could not be measured, which was said

    # ---- iterations ----

    def before_train(self, runner) -> None:
        self.record.warmup = min(self.record.warmup, runner.train_loop.max_iters // 4)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        adversarial, loop = self.record.update(outputs or {}), runner.train_loop
        done = loop.done + 1
        if not adversarial or (done % self.interval and done < loop.stage.iters):
            return
        fired = self._evaluate(runner, loop) if is_main_process() else []
        if self.stop_on:
            self._stop(runner, fired)

    def after_divergence(self, runner, error: FloatingPointError) -> None:
        """Notes a loss or weight that is no number, with which the training ends."""
        if is_main_process():
            self._tell(runner, [self.record.broken(runner.iter + 1, str(error))])
            self._write(runner, with_curves=True)

    def after_train(self, runner) -> None:
        if is_main_process() and self.record.state['seen']:
            self._tell(runner, self.record.finish(runner.iter))
            self._write(runner, with_curves=True)
            runner.logger.info(f'diagnosis: {self.record.verdict}; see {REPORT}')

    # ---- checkpoints ----

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if self.record.state['seen']:
            checkpoint['diagnostics'] = dict(record=self.record.state, fakes=self._fakes)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume and 'diagnostics' in checkpoint:
            self.record.state = checkpoint['diagnostics']['record']
            self._fakes = checkpoint['diagnostics']['fakes']

    def after_checkpoint(self, runner, iteration: int) -> None:
        """Writes the report of what the checkpoint holds."""
        if is_main_process() and self.record.state['seen']:
            self._write(runner)

    def after_resume(self, runner, iteration: int) -> None:
        """Brings the report back to the checkpoint's, and removes the curves of the end."""
        if not is_main_process():
            return
        Path(runner.work_dir, CURVES).unlink(missing_ok=True)
        if self.record.state['seen']:
            self._write(runner)
        else:
            Path(runner.work_dir, REPORT).unlink(missing_ok=True)

    # ---- parts ----

    def _evaluate(self, runner, loop) -> list[Fired]:
        model, iteration = unwrap_model(runner.model), loop.iter + 1
        fields = tuple(dict.fromkeys(name for p in model.stage_phases for name in p.reads))
        measured: dict[str, dict[str, float]] = dict(rho={}, motion={}, div_real={})
        state = random_state()
        try:
            measured = self._measure(runner, model, fields)
            fired = self._check_data(runner, loop, fields)
        except Exception as error:  # of a model or data set of the user: a training goes on
            fired = []
            if not self._blind:
                runner.logger.warning(
                    f'the diversity of generated images is not measured: {error}; '
                    f'default_hooks.diagnostics=None switches the diagnosis off'
                )
            self._blind = True
        set_random_state(state)
        sizes = [loop.dataloader.loaders[loop.fields[name]].batch_size for name in fields]
        fired += self.record.evaluate(
            iteration,
            _objective(model),
            **measured,
            batch_size=get_world_size() * min(sizes) if sizes else None,
        )
        self._tell(runner, fired)
        curves = self.record.state['curves'].items()
        latest = {n: c['value'][-1] for n, c in curves if c['iter'][-1] == iteration}
        shown = {f'diagnostics/{n}': v for n, v in latest.items() if not n.endswith('_loss')}
        if shown:
            runner.visualizer.add_scalars(shown, step=iteration)
        return fired

    @torch.no_grad()
    def _measure(self, runner, model: AdversarialModel, fields: tuple[str, ...]) -> dict:
        """rho, motion and diversity of the real images, by the names of the generators."""
        measured: dict[str, dict[str, float]] = dict(rho={}, motion={}, div_real={})
        was_training = model.training
        model.eval()
        try:
            with model.autocast():
                batch = model.data_preprocessor(self._batch(runner.train_loop, fields))
                pairs = model.diversity_pairs(batch)
        finally:
            model.train(was_training)
        for name, images in pairs.items():
            fake, real = (in_unit_range(model, each) for each in images)
            if min(len(fake), len(real)) < 2:
                continue
            div_real = diversity(real)
            measured['div_real'][name] = div_real
            measured['rho'][name] = diversity(fake) / max(div_real, 1e-6)
            small = thumbnails(fake)
            if name in self._fakes and self._fakes[name].shape == small.shape:
                measured['motion'][name] = change(self._fakes[name], small)
            self._fakes[name] = small
        return measured

    def _batch(self, loop, fields: tuple[str, ...]):
        """The same images of the training set at every evaluation, without augmentation."""
        key = tuple(loop.fields[name] for name in fields)
        if key not in self._batches:
            images = [self._images(loop.dataset_of(name)) for name in fields]
            self._batches = {key: namedtuple('Batch', fields)(*images)}
        return self._batches[key]

    def _images(self, dataset):
        dataset = dataset.plain(maps=True)
        num = min(self.num_images, len(dataset))
        return default_collate([dataset[row] for row in evenly_spaced(len(dataset), num)])

    def _check_data(self, runner, loop, fields: tuple[str, ...]) -> list[Fired]:
        fired: list[Fired] = []
        for name in fields if self.data_diversity else ():
            if name not in self.record.state.get('distinct', {}):
                images = loop.dataset_of(name).plain()
                rows = progress([*range(len(images))], f'hashes of {name}')
                hashes = [average_hash(images[row].img) for row in rows]
                fired += self.record.note_data(loop.iter + 1, name, hashes)
        return fired

    def _tell(self, runner, fired: list[Fired]) -> None:
        for each in fired:
            loud = CODES[each.code].warns and each.first
            runner.logger.log(logging.WARNING if loud else logging.INFO, each.text)

    def _stop(self, runner, fired: list[Fired]) -> None:
        told = [[each.code for each in fired if each.code in self.stop_on]]
        broadcast_object_list(told)
        if told[0]:
            runner.message_hub.update_info(WANTED, runner.iter + 1)
            runner.train_loop.stop_training = True
            runner.logger.warning(f'the training ends at {", ".join(told[0])}, see stop_on')

    def _write(self, runner, with_curves: bool = False) -> None:
        objective = _objective(unwrap_model(runner.model))
        told = None if objective is None else asdict(objective)
        write_json(Path(runner.work_dir, REPORT), dict(self.record.report(), objective=told))
        curves = self.record.state['curves']
        if with_curves and any(len(curve['iter']) > 1 for curve in curves.values()):
            fired = [(each['iter'], each['code']) for each in self.record.state['fired']]
            draw_diagnostics(curves, fired, Path(runner.work_dir, CURVES))


def in_unit_range(model: AdversarialModel, images: Tensor) -> Tensor:
    """Normalised images (B, C, H, W) as float32 in [0, 1]; what is beyond is cut off."""
    normalizer = model.data_preprocessor
    images = images.detach().float()
    if images.shape[1] != 3:
        return ((images + 1) / 2).clamp(0, 1)
    return ((images + normalizer.shift) / (255 * normalizer.scale)).clamp(0, 1)


def _objective(model: AdversarialModel) -> Objective | None:
    """Objective of the discriminators; None: its formulas are not known."""
    loss = model.gan_loss
    mode = getattr(loss, 'mode', None)
    if mode is None:
        return None
    scales = 1.0
    if loss.scale_reduction == 'sum':
        nums = [getattr(network, 'num_scales', 1) for network in model.modules()]
        scales = sum(loss.scale_weights or ()) or max(nums)
    labels = loss.labels
    return objective_of(mode, labels.real, labels.fake, labels.flip_prob, scales)
