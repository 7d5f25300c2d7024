"""PseudoLabelHook: the statistics that images are embedded with before they are clustered."""

from types import SimpleNamespace

import pytest
import torch
from memory_runs import CONFIG
from torch.utils.data import default_collate

from reidgen.datasets import ShapesReID
from reidgen.engine.config import load_config
from reidgen.engine.hooks import PseudoLabelHook
from reidgen.evaluation.adabn import adapted_batch_norm
from reidgen.registry import MODELS, build


@pytest.fixture
def model():
    model = build(load_config(CONFIG).model, MODELS).eval()
    for buffer in model.E_c.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    return model


@pytest.fixture(scope='module')
def data() -> ShapesReID:
    return ShapesReID('b', num_identities=8, images_per_identity=4, size=(64, 32))


def embedded(model, data, own: str | None = None, **loop) -> torch.Tensor:
    runner = SimpleNamespace(
        model=model,
        val_loop=SimpleNamespace(**loop) if loop else None,
        train_loop=SimpleNamespace(dataset_of=lambda field: data),
    )
    hook = PseudoLabelHook(clustering=dict(type='KMeans', num_clusters=2), adabn_by=own)
    return hook.embed(runner, 'clusters')


def own_statistics(model, data, rows: list[int]) -> torch.Tensor:
    batch = default_collate([data.plain()[row] for row in rows])
    with adapted_batch_norm(model.retrieval_encoder, [model.data_preprocessor(batch).img]):
        return model.val_step(batch)


def test_without_recalibration_images_are_embedded_as_the_encoder_stands(model, data):
    plain = model.val_step(default_collate([data.plain()[row] for row in range(len(data))]))
    for found in (
        embedded(model, data),
        embedded(model, data, recalibrates=False, adabn_by='camera'),
    ):
        torch.testing.assert_close(found, plain)


def test_images_are_embedded_with_the_statistics_of_their_domain_or_of_their_camera(model, data):
    state = {key: value.clone() for key, value in model.state_dict().items()}
    rows = list(range(len(data)))
    whole = embedded(model, data, recalibrates=True, adabn_by='domain')
    torch.testing.assert_close(whole, own_statistics(model, data, rows))
    found = embedded(model, data, recalibrates=True, adabn_by='camera')
    for camera in data.camids.unique():
        own = torch.nonzero(data.camids == camera)[:, 0].tolist()
        torch.testing.assert_close(found[own], own_statistics(model, data, own))
    assert not torch.allclose(found, whole)
    for options in (
        dict(),
        dict(recalibrates=True, adabn_by='domain'),
    ):  # the hook's own goes first
        assert torch.equal(embedded(model, data, own='camera', **options), found)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_statistics_of_something_else_are_refused_when_the_hook_is_built():
    clustering = dict(type='KMeans', num_clusters=2)
    with pytest.raises(ValueError, match=r"PseudoLabelHook\.adabn_by is 'person'.*domain, camera"):
        PseudoLabelHook(clustering=clustering, adabn_by='person')
