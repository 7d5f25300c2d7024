"""ProxyGCL with a mean teacher: the model, and the hook of the moving average."""

from copy import deepcopy

import torch
from mmengine.hooks import Hook
from torch import Tensor, nn

from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS, MODELS

from .proxies import ProxyGCL


@MODELS.register_module()
class TeacherGCL(ProxyGCL):
    """ProxyGCL with a mean teacher E_m of E_c (Tarvainen and Valpola, NeurIPS 2017).

    E_m is the moving average of E_c's weights and batch-norm statistics. In stages that
    MeanTeacherHook names, it embeds the images that are clustered, so the first centroids too, and
    those that are tested. E_c is trained as before, and the centroids follow its embeddings. In
    other stages E_m is idle.

    Args:
        options: of ProxyGCL.
    """

    teacher_steps: Tensor  # 0-d, averages taken; 0: there is no teacher yet

    def __init__(self, **options):
        super().__init__(**options)
        self.E_m = deepcopy(self.E_c).requires_grad_(False)
        self.register_buffer('teacher_steps', torch.tensor(0))

    @property
    def evaluated(self) -> tuple[str, ...]:
        return (*super().evaluated, 'E_m', 'teacher_steps')

    @property
    def retrieval_encoder(self) -> nn.Module:
        return self.E_m if self.teacher_steps else self.E_c

    def embed(self, img: Tensor) -> Tensor:
        return nn.functional.normalize(self.retrieval_encoder(img).embedding.float())

    @torch.no_grad()
    def move_teacher(self, momentum: float) -> None:
        """One step of the moving average; the first makes E_m a copy of E_c."""
        steps = int(self.teacher_steps)
        share = min(momentum, (steps + 1) / (steps + 10)) if steps else 0.0
        new = getattr(self.E_c, 'module', self.E_c).state_dict()  # out of a distributed wrapper
        for key, value in self.E_m.state_dict().items():
            if value.is_floating_point():
                value.lerp_(new[key], 1 - share)
            else:  # batches that batch norm has counted
                value.copy_(new[key])
        self.teacher_steps += 1


@HOOKS.register_module()
class MeanTeacherHook(Hook):
    """Moving average of a TeacherGCL's mean teacher, after each iteration of some stages.

        E_m <- m E_m + (1 - m) E_c,    m = min(momentum, (n + 1) / (n + 10))

    after n averages before in these stages in a row; the first, n = 0, copies E_c.

    Args:
        stages: names of the stages that have a teacher.
        momentum: least share of the new weights is 1 - momentum; in 0..1, 1 left out.

    Raises:
        ValueError: momentum is no such share. Before training, a model without a teacher, or an
            unknown stage.
    """

    priority = 'HIGH'  # before PseudoLabelHook clusters by it, and before a checkpoint

    def __init__(self, stages: tuple[str, ...], momentum: float = 0.99):
        if not 0 <= momentum < 1:
            raise ValueError(f'MeanTeacherHook.momentum is {momentum}; it must be in 0..1, below 1')
        self.stages, self.momentum = tuple(stages), momentum

    def before_train(self, runner) -> None:
        model = unwrap_model(runner.model)
        if not hasattr(model, 'move_teacher'):
            raise ValueError(
                f'MeanTeacherHook moves E_m of a TeacherGCL, but the model is a '
                f"{type(model).__name__}; set model.type='TeacherGCL'"
            )
        known = runner.train_loop.stage_names
        unknown = sorted(set(self.stages) - set(known))
        if unknown:
            raise ValueError(
                f'MeanTeacherHook.stages names {unknown}; the stages are {", ".join(known)}'
            )

    def before_stage(self, runner) -> None:
        if runner.train_loop.stage.name not in self.stages:
            unwrap_model(runner.model).teacher_steps.zero_()

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if runner.train_loop.stage.name in self.stages:
            unwrap_model(runner.model).move_teacher(self.momentum)
