"""Hook for initialising feature banks."""

import torch
from mmengine.dist import all_gather, get_world_size
from mmengine.hooks import Hook
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS

from ..loaders import rank_loader
from ..progress import progress


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


@torch.no_grad()
def embed_dataset(model, dataset: Dataset, batch_size: int = 128, what: str = 'embed') -> Tensor:
    """L2-normalised eval-mode features (N, D) of a data set in order, on every rank."""
    was_training = model.training
    model.eval()
    found = [model.val_step(batch) for batch in progress(rank_loader(dataset, batch_size), what)]
    if not found:  # fewer images than processes: no row, but of the width of the others'
        found = [model.val_step(default_collate([dataset.plain()[0]]))[:0]]
    features = torch.cat(found)
    model.train(was_training)
    world_size = get_world_size()
    if world_size == 1:
        return features
    rows = -(-len(dataset) // world_size)  # the most rows of a rank
    padded = torch.zeros(rows, features.shape[1], device=features.device)
    padded[: len(features)] = features
    gathered = torch.stack(all_gather(padded), dim=1)  # rank r held rows r, r + W, ...
    return gathered.flatten(0, 1)[: len(dataset)]
