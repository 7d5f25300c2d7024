"""RetrievalValLoop: errors before any training."""

import itertools

import pytest
import torch
from memory_runs import CONFIG
from PIL import Image
from torch.utils.data import default_collate

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.evaluation.adabn import adapted_batch_norm

NUMBERS = itertools.count()


@pytest.fixture
def one_camera(tmp_path):
    """Two people in queries and gallery, all by camera 1."""
    for folder, names in (
        ('query', ('0011_c1_q', '0012_c1_q')),
        ('bounding_box_test', ('0011_c1_0', '0012_c1_0')),
    ):
        (tmp_path / folder).mkdir()
        for name in names:
            Image.new('RGB', (32, 64)).save(tmp_path / folder / f'{name}.jpg')
    return dict(
        type='FolderReID',
        layout='market',
        root=str(tmp_path),
        split='query+gallery',
        transforms=[dict(type='Resize', size=(64, 32))],
        _delete_=True,
    )


def runner_of(dataset, work_dir, **options):
    options = {'val_dataloader.target.dataset': dataset} | options
    cfg = load_config(CONFIG, options)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'val_loop_{next(NUMBERS)}'  # mmengine keeps one log history a name
    return ReIDRunner.from_cfg(cfg)


@pytest.mark.slow
def test_a_test_set_without_a_match_is_refused_before_the_model_is_built(
    one_camera, tmp_path, monkeypatch
):
    def built(*_):
        raise AssertionError('the model was built first')

    monkeypatch.setattr('mmengine.runner.Runner.build_model', built)
    with pytest.raises(
        ValueError, match=r"^folder: none of 2 queries .*set val_evaluator.protocol='no-camera'$"
    ):
        runner_of(one_camera, tmp_path / 'out')


@pytest.mark.slow
def test_the_protocol_that_the_refusal_names_fits(one_camera, tmp_path):
    options = {'val_evaluator.protocol': 'no-camera'}
    runner = runner_of(one_camera, tmp_path / 'out', **options)
    assert runner.val_loop.evaluator.metrics[0].protocol.name == 'no-camera'


@pytest.mark.slow
def test_statistics_are_re_estimated_on_the_same_batches_at_each_evaluation(tmp_path):
    cfg = load_config(CONFIG, {'val_cfg.adabn_batch_size': 8})
    cfg.work_dir, cfg.experiment_name = str(tmp_path), 'same_batches'
    loop = ReIDRunner.from_cfg(cfg).val_loop
    everything = list(range(len(loop.statistics_set())))
    first, second = (torch.cat(list(loop._adabn_images(everything))) for _ in range(2))
    assert len(first) > 8
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.cat([first[8:], first[:8]]))


@pytest.mark.slow
def test_by_camera_each_image_is_embedded_with_the_statistics_of_its_own_camera(tmp_path):
    cfg = load_config(CONFIG, {'val_cfg.adabn_by': 'camera', 'default_hooks.report': None})
    cfg.work_dir, cfg.experiment_name = str(tmp_path), 'by_camera'
    loop = ReIDRunner.from_cfg(cfg).val_loop
    ordinary, metrics = loop.run(), loop.evaluate_adapted()
    found = loop.evaluator.metrics[0].last.features
    model, tested = loop.model.eval(), loop.loaders['target'].dataset
    training = loop.statistics_set().plain()
    cameras = tested.camids.unique().tolist()
    assert len(cameras) > 1
    for camera in cameras:
        own = torch.nonzero(training.camids == camera)[:, 0].tolist()
        images = default_collate([training[row] for row in own])
        rows = torch.nonzero(tested.camids == camera)[:, 0].tolist()
        batch = default_collate([tested[row] for row in rows])
        with adapted_batch_norm(
            model.retrieval_encoder, [model.data_preprocessor(images).img]
        ):  # all of a camera in one batch: no more than adabn_batch_size
            torch.testing.assert_close(found[rows], model.val_step(batch), atol=1e-5, rtol=1e-4)
    assert metrics != ordinary  # bn_mode recalibrates nothing here
    assert metrics != loop.evaluate_adapted('domain')
    assert loop.adabn_name == 'AdaBN by camera'


@pytest.mark.slow
def test_statistics_of_unknown_groups_are_refused(tmp_path):
    cfg = load_config(CONFIG, {'val_cfg.adabn_by': 'cameras'})
    cfg.work_dir, cfg.experiment_name = str(tmp_path), 'groups'
    with pytest.raises(ValueError, match=r"val_cfg.adabn_by is 'cameras' \(did you mean 'camera'"):
        _ = ReIDRunner.from_cfg(cfg).val_loop
