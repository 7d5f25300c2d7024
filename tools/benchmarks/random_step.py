"""Model of a config and random batches of its stage, for benchmarks of the training iteration."""

from collections import namedtuple
from pathlib import Path

import torch

Batch = namedtuple('Batch', 'source target')


class RandomStep:
    """Training iterations of a config's stage on random images of its size, without any file.

    Args:
        config: of a model of two domains.
        stage: name of its stage.
    """

    def __init__(self, config: str | Path, stage: str, device: str):
        from reidgen.engine.config import load_config
        from reidgen.engine.stages import parse_stages

        cfg = load_config(config)
        stages = {each.name: each for each in parse_stages(cfg.train_cfg.stages)}
        if stage not in stages:
            raise SystemExit(f'--stage {stage}: {config} has the stages {", ".join(stages)}')
        self.stage, self.device, self.done = stages[stage], device, 0
        transforms = cfg.train_dataloader.source.dataset.transforms
        self.size = next(tuple(each['size']) for each in transforms if 'size' in each)
        torch.manual_seed(0)
        self.model, self.optim = build_model(cfg, device)

    def enter(self) -> None:
        """Begins the stage; after the model is wrapped."""
        own = self.stage
        self.model.enter_stage(own.name, own.phases, own.frozen, own.loss_weights)
        self.model.train()

    def batch(self, batch_size: int) -> Batch:
        domain = (batch_size, self.size, self.model.map_channels, self.device)
        return Batch(*(random_domain(*domain) for _ in range(2)))

    def __call__(self, batch: Batch) -> None:
        """An iteration, at the end of which the device has done its work."""
        from reidgen.engine.ddp import average_statistics
        from reidgen.engine.step import run_phases

        run_phases(self.model, batch, self.optim, self.done, self.done)
        average_statistics(self.model)
        self.done += 1
        if self.device == 'cuda':
            torch.cuda.synchronize()


def build_model(cfg, device: str):
    """Model of a config without pretrained weights, its bank filled, and its optimizer groups."""
    from reidgen.engine.config import drop_pretrained
    from reidgen.engine.optim import OptimizerPerGroup
    from reidgen.registry import MODELS, build

    drop_pretrained(cfg)
    model = build(cfg.model, MODELS).to(device)
    groups = {name: group for name, group in cfg.optim_wrapper.items() if name != 'constructor'}
    bank = model.bank
    bank.fill(torch.randn(bank.num_samples, bank.dim), torch.arange(bank.num_samples) // 16)
    return model, OptimizerPerGroup(groups)(model)


def random_domain(batch_size: int, size: tuple[int, int], channels: int, device: str):
    """DomainBatch of noise."""
    from reidgen.structures import DomainBatch

    img = torch.randn(batch_size, 3, *size, device=device)
    pose_map = torch.rand(batch_size, channels, *size, device=device) * 2 - 1
    rows = torch.arange(batch_size, device=device)
    return DomainBatch(img, pose_map, pose_map, rows, rows, rows)
