"""Hook for initialising feature banks."""

import torch
from mmengine.hooks import Hook

from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS

from ..embedding import embed_dataset


@HOOKS.register_module()
class MemoryInitHook(Hook):
    """Fills the feature banks before the first stage that uses them.

    Rows are eval-mode embeddings of the training images without augmentation, in the order of the
    sorted list. Labels are the identities of a labelled set; of an unlabelled one -1, until a hook
    clusters it.

    Args:
        batch_size: images a forward.
    """

    priority = 'NORMAL'

    def __init__(self, batch_size: int = 128):
        self.batch_size = batch_size

    def before_stage(self, runner) -> None:
        loop, model = runner.train_loop, unwrap_model(runner.model)
        if loop.done > 0:
            return
        for name, field in model.active_banks().items():
            bank, dataset = getattr(model, name), loop.dataset_of(field)
            if bank.filled:
                continue
            bank.fill(
                embed_dataset(model, dataset, self.batch_size, f'fill {name}'),
                torch.as_tensor(dataset.pids),
            )
            runner.logger.info(
                f'{name}: {len(dataset)} rows of {dataset.name}, '
                f'{int((bank.labels >= 0).sum())} labelled'
            )
