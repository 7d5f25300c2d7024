"""Checkpoints of a training of one weight, for tests of which is taken."""

from pathlib import Path

import torch

from reidgen.checkpoint import CHECKSUM, content_checksum


def checkpoint(iteration: int, weights: torch.Tensor | None = None, **parts) -> dict:
    """Content with everything that a resume asks for, and its checksum."""
    content = dict(
        state_dict=dict(w=torch.arange(1000.0) if weights is None else weights),
        meta=dict(iter=iteration, seed=0),
        message_hub=dict(log_scalars={}, runtime_info={}, resumed_keys={}),
        optimizer=dict(G=dict(state={}, param_groups=[])),
        stages=[],
        random_state=dict(torch=torch.get_rng_state()),
    )
    content |= parts
    return content | {CHECKSUM: content_checksum(content)}


def write(path: Path, iteration: int, **parts) -> Path:
    torch.save(checkpoint(iteration, **parts), path)
    return path


def without(content: dict, *keys: str) -> dict:
    """Content without some keys and with its checksum anew."""
    kept = {key: value for key, value in content.items() if key not in (*keys, CHECKSUM)}
    return kept | {CHECKSUM: content_checksum(kept)}
