"""Hooks of gcl_kills.py: one draws from all global random states, one translates a set."""

import random
import shutil
from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook

from reidgen.engine.translation import ModelTranslator, translate_dataset
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS


@HOOKS.register_module()
class DrawHook(Hook):
    """Draws before each iteration, so that a state that is not restored shows; keeps the sum."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        drawn = torch.rand(()).item() + random.random() + np.random.rand()  # noqa: NPY002
        before = runner.message_hub.runtime_info.get('drawn', 0.0)
        runner.message_hub.update_info('drawn', before + drawn)


@HOOKS.register_module()
class TranslateHook(Hook):
    """Translates the source before a stage; its loader draws from torch's global state."""

    priority = 'ABOVE_NORMAL'

    def __init__(self, stage: str):
        self.stage = stage

    def before_stage(self, runner):
        loop = runner.train_loop
        if loop.stage.name == self.stage and loop.done == 0:
            folder = Path(runner.work_dir, 'translated', self.stage)
            shutil.rmtree(folder, ignore_errors=True)
            translator = ModelTranslator(unwrap_model(runner.model), 'target')
            translate_dataset(translator, loop.dataset_of('source'), folder, dict(seed=0))
