"""Runner: mmengine's with strict loading and atomic checkpoints."""

import json
import os
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import broadcast_object_list
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import Dataset

from reidgen.checkpoint import load_for_evaluation, load_for_training, load_strictly, read_weights
from reidgen.choices import one_of
from reidgen.files import locked, written_whole
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import DATASETS, RUNNERS, build

from .config import merge_random_start, without_weights
from .ddp import SepDDP, join_over_gloo, leaves_parameters_unused
from .loading import warnings_only
from .networks import prepare_networks
from .resuming import (
    Resumable,
    check_belongs,
    check_finite,
    check_fresh,
    check_nothing_lost,
    newest_resumable,
    no_room,
    read_resumable,
)
from .stages import parse_stages, used_loaders
from .val_loop import set_dataset

NOISE = (
    'FileClient',
    'HardDiskBackend',
    'Hooks will be executed',
    'all SyncBatchNorm',
    '`resume_param_scheduler` is True',
    'just skip resuming',  # statistics of the log that are none of a tensor
)
# what each sets for its processes, and how it is called
LAUNCHERS = dict(
    pytorch=('RANK', '`torchrun --nproc_per_node=N -m reidgen.cli train ... --launcher pytorch`'),
    slurm=('SLURM_PROCID', '`srun reidgen train ... --launcher slurm`'),
)


@RUNNERS.register_module()
class ReIDRunner(Runner):
    """Runner that builds the parts of a config and runs them.

    Unlike mmengine 0.10.7: a checkpoint must fit the model, to resume key by key; it is read
    without running code (`weights_only=True`); it is written beside and renamed, so a file of its
    name is always whole; a resume without a path takes the newest good file of the work dir,
    wherever that was moved. One process at a time trains in a work dir.
    """

    def __init__(self, *args, **kwargs):
        self._datasets: dict[str, Dataset] = {}
        self._start: Resumable | None = None  # until it is loaded
        self._started: list[str] = []  # networks whose pretrained weights the checkpoint replaces
        super().__init__(*args, **kwargs)
        # every checkpoint holds the config as text: to lay it out would take a second each time
        self.cfg = Config(self.cfg.to_dict(), filename=self.cfg.filename, format_python_code=False)

    def build_logger(self, log_level='INFO', log_file=None, **kwargs) -> MMLogger:
        logger = super().build_logger(log_level, log_file, logger_name='reidgen', **kwargs)
        for handler in logger.handlers:
            handler.addFilter(lambda record: not any(part in record.getMessage() for part in NOISE))
        return logger

    def setup_env(self, env_cfg: dict) -> None:
        """Joins the process group, without CUDA over gloo, which mmengine does not support."""
        variable, starter = LAUNCHERS.get(self._launcher, (None, None))
        if variable is not None and variable not in os.environ:
            raise ValueError(
                f'--launcher {self._launcher} finds no {variable} in the environment; start with '
                f'{starter}, or leave --launcher out'
            )
        joined = torch.distributed.is_initialized()
        if self._launcher == 'pytorch' and not joined and not torch.cuda.is_available():
            join_over_gloo(timedelta(days=1))
        super().setup_env(env_cfg)

    def set_randomness(self, seed, diff_rank_seed: bool = False, deterministic: bool = False):
        """Seeds as mmengine does; GPU kernels without a deterministic version warn only."""
        if deterministic:
            os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
        super().set_randomness(seed, diff_rank_seed, deterministic)
        if deterministic:
            torch.use_deterministic_algorithms(True, warn_only=True)

    def _log_env(self, env_cfg: dict) -> None:
        cpu = f'CPU, {torch.get_num_threads()} threads'
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else cpu
        self.logger.info(
            f'torch {torch.__version__} on {device}, {self.world_size} process(es), '
            f'seed {self.seed}; files in {self.work_dir}'
        )

    def dump_config(self) -> None:
        """Writes the merged config into the work dir, never over the very file that is run."""
        own = self.cfg.filename
        if own is None or Path(own).resolve().parent != Path(self.work_dir).resolve():
            super().dump_config()

    def register_default_hooks(self, hooks: dict | None = None) -> None:
        """Registers the default hooks of the config; None switches one off."""
        theirs = {'runtime_info', 'timer', 'sampler_seed'}
        theirs |= {'logger', 'param_scheduler', 'checkpoint'}
        given = (hooks or {}).items()
        super().register_default_hooks({k: v for k, v in given if v is not None or k in theirs})

    @property
    def iter(self) -> int:
        """Iterations done; 0 before the train loop is built."""
        return self._train_loop.iter if isinstance(self._train_loop, BaseLoop) else 0

    def build_model(self, model):
        """Model, built after the data sets, whose errors come before any download of weights."""
        if isinstance(self._train_loop, dict) and 'stages' in self._train_loop:
            stages = parse_stages(self._train_loop['stages'], self._train_loop.get('first_stage'))
            for name in used_loaders(stages, tuple(self._train_dataloader)):
                self.dataset(self._train_dataloader[name])
        for loader in (self._val_dataloader or {}).values():
            set_dataset(self.build_evaluator(dict(self._val_evaluator)), self.dataset(loader))
        if isinstance(self._train_loop, dict) and not self._resume:
            check_fresh(self.work_dir)
        self._checkpoint = self._find_checkpoint()
        if self._checkpoint is not None and isinstance(model, dict):
            networks = model.get('networks', {})
            self._started = [name for name in networks if networks[name].get('weights') is not None]
            model = without_weights(model)  # the checkpoint brings them
        with warnings_only() if self._checkpoint is not None else nullcontext():
            built = super().build_model(model)
        prepare_networks(built, self.cfg)
        self.random_start = self._starts_at_random(built)
        if self.random_start:
            merge_random_start(self.cfg)
            self._train_loop, self.optim_wrapper = self.cfg.train_cfg, self.cfg.optim_wrapper
            self.logger.info(f'no pretrained weights; random_start: {dict(self.cfg.random_start)}')
        return built

    def _maybe_compile(self, target: str) -> None:
        """Nothing: the networks are, one by one."""

    def _find_checkpoint(self) -> str | None:
        """Path of the checkpoint to load or resume from; None without one."""
        if not self._resume:
            return self._load_from
        if self._load_from is None:
            self._start = newest_resumable(self.work_dir, self.logger)
        else:
            self._start = read_resumable(self._load_from)
            check_belongs(self.work_dir, self._start)
        return None if self._start is None else str(self._start.path)

    @property
    def resumed_from(self) -> Path | None:
        """Checkpoint that the training continues; None for one that starts."""
        return Path(self._checkpoint) if self._resume and self._checkpoint else None

    def _starts_at_random(self, model) -> bool:
        """Whether the config's `random_start` applies to this training; equal on all processes.

        A run that is resumed goes on as it began, whatever weights are there now.
        """
        if not self.cfg.get('random_start') or not isinstance(self._train_loop, dict):
            return False
        if self._checkpoint is not None:
            meta = self._start.content['meta'] if self._resume else {}
            return meta.get('random_start', False)
        networks = [getattr(model, name) for name in getattr(model, 'network_names', ())]
        answer = [any(not getattr(network, 'pretrained', True) for network in networks)]
        broadcast_object_list(answer)  # each may have searched a disk of its own for weights
        return answer[0]

    def dataset(self, loader: dict) -> Dataset:
        """Data set of a loader's config, shared by loaders of equal `dataset`."""
        cfg = dict(loader['dataset'])
        key = json.dumps(cfg, sort_keys=True, default=str)
        if key not in self._datasets:
            self._datasets[key] = build(cfg, DATASETS, 'dataset')
        return self._datasets[key]

    def wrap_model(self, model_wrapper_cfg: dict | None, model):
        """Model on its device; with several processes, each network in its own DDP."""
        if is_model_wrapper(model):
            return model
        model = model.to(get_device())
        if not self.distributed:
            return model
        cfg = dict(model_wrapper_cfg or {})
        one_of(cfg.pop('type', 'SepDDP'), ('SepDDP',), 'model_wrapper_cfg.type')
        if self.cfg.get('train_cfg'):
            stages = parse_stages(self.cfg.train_cfg.stages, self.cfg.train_cfg.get('first_stage'))
            cfg.setdefault('find_unused_parameters', leaves_parameters_unused(model, stages))
        return SepDDP(model, device_ids=[int(os.environ['LOCAL_RANK'])], **cfg)

    def train(self) -> torch.nn.Module:
        """Trains, and keeps other processes from training in the same work dir meanwhile."""
        with locked(self.work_dir) if self.rank == 0 else nullcontext():
            return super().train()

    def load_or_resume(self) -> None:
        """Loads or resumes once; `resume` without `load_from` takes the newest checkpoint."""
        if self._has_loaded:
            return
        if self._checkpoint is None and self._resume:
            check_nothing_lost(self.work_dir, self.train_loop.stages, self.hooks)
            self.logger.info(f'nothing to resume in {self.work_dir}: training starts anew')
        elif self._resume:
            self.resume(self._checkpoint)
        elif self._checkpoint is not None:
            self.load_checkpoint(self._checkpoint)
        self._has_loaded = True

    def resume(self, filename: str, **kwargs) -> None:
        """Continues a training from a checkpoint."""
        super().resume(filename, map_location='cpu', **kwargs)

    def load_checkpoint(
        self,
        filename: str,
        map_location='cpu',
        strict: bool = True,
        revise_keys: list | None = None,
    ) -> dict:
        """Loads weights and buffers: every key to resume, else the networks in the file.

        Raises:
            ValueError: keys or shapes differ from the model's (names the first ones), or a
                training is to be resumed from a file without its state.
        """
        if not self._resume:
            return self._load_weights(filename)
        start, self._start = self._start or read_resumable(filename), None
        checkpoint = start.content
        seed = checkpoint['meta'].get('seed')
        if seed != self.seed:
            raise ValueError(
                f'{filename} was trained with the seed {seed}, this run has {self.seed}; a resumed '
                f'run goes on with the same batches: set randomness.seed={seed}'
            )
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        fix = 'Resume with the config it was trained with; --load-from starts anew from its weights'
        load_strictly(unwrap_model(self.model), checkpoint['state_dict'], filename, fix)
        self._has_loaded = True
        self.logger.info(f'loaded {filename}')
        return checkpoint

    def _load_weights(self, filename: str) -> dict:
        weights, model = read_weights(filename), unwrap_model(self.model)
        checkpoint = dict(state_dict=weights.state)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        if self._train_loop is None:
            load_for_evaluation(model, checkpoint['state_dict'], weights.source)
        else:
            load_for_training(model, checkpoint['state_dict'], weights.source, needed=self._started)
        self._has_loaded = True
        return checkpoint

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args=None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict | None = None,
        by_epoch: bool = False,
        backend_args=None,
    ) -> None:
        """Writes a checkpoint atomically: a kill leaves the old file or the new one.

        Raises:
            OSError: the disk is full or the folder not writable; nothing of the new file is left.
            FloatingPointError: a weight is NaN or infinite; nothing is written.
        """
        if self.rank != 0:
            return
        path = Path(out_dir, filename)
        check_finite(unwrap_model(self.model).state_dict(), self.iter + 1, path.name)
        with written_whole(path, no_room(self.model, self.optim_wrapper)) as part:
            super().save_checkpoint(
                out_dir,
                part.name,
                save_optimizer=save_optimizer,
                meta=dict(meta or {}, random_start=self.random_start),
                save_param_scheduler=self.param_schedulers is not None,
                by_epoch=by_epoch,
            )
