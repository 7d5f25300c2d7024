from pathlib import Path

import pytest
import torch

from reidgen.cli import parse, translate
from reidgen.datasets import FolderReID
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.config import load_config
from reidgen.engine.loading import trained_model

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent


@pytest.fixture
def run(straight, tmp_path):
    """Translates with the finished training of gcl_tiny.py into tmp_path/copy."""

    def make(*options: str) -> Path:
        checkpoint = Path(straight.work_dir, 'stage_joint.pth')
        out = tmp_path / 'copy'
        args = [str(HERE / 'gcl_tiny.py'), str(checkpoint), '--out', str(out), *options]
        translate.run(parse('translate', args))
        return out

    return make


def test_the_copy_is_a_data_set_in_market_layout_with_the_names_and_persons_of_the_source(
    run, straight
):
    out = run()
    source = straight.train_loop.dataloader.dataset['source']
    copy = FolderReID(str(out), layout='market')
    assert [Path(r.path).name for r in copy.records] == [Path(r.path).name for r in source.records]
    assert torch.equal(copy.pids, source.pids)
    assert torch.equal(copy.camids, source.camids)
    assert copy[0].img.shape == source[0].img.shape
    assert (out / 'grid_train.png').exists()


def test_a_picture_is_what_the_model_translates_and_a_second_run_translates_what_is_missing_alone(
    run, straight
):
    out = run()
    pictures = sorted((out / 'bounding_box_train').glob('*.png'))
    first = read_rgb(pictures[0]).float()
    changed = pictures[1].stat().st_mtime_ns
    pictures[0].unlink()
    run()
    # now in a batch of one, whose sums are added in another order
    assert (read_rgb(pictures[0]).float() - first).abs().max() <= 1
    assert pictures[1].stat().st_mtime_ns == changed
    model = straight.model.eval()
    source = straight.train_loop.dataloader.dataset['source'].plain(maps=True)
    batch = model.data_preprocessor(torch.utils.data.default_collate([source[0]]))
    with torch.no_grad():
        translated = model.translate(batch, 'target')[0]
    normalizer = model.data_preprocessor
    pixels = ((translated + normalizer.shift) / normalizer.scale).round().clamp(0, 255)
    assert (read_rgb(pictures[0]).float() - pixels).abs().max() <= 1


def test_other_splits_and_the_other_direction_go_where_they_belong(run):
    out = run('--domain', 'source', '--splits', 'query', 'gallery')
    assert {path.name for path in out.iterdir()} == {
        *('query', 'bounding_box_test'),
        *('grid_query.png', 'grid_gallery.png'),
    }
    names = {path.name for path in (out / 'query').glob('*.png')}
    assert names
    assert not names & {path.name for path in (out / 'bounding_box_test').glob('*.png')}


def test_a_style_without_images_to_translate_is_refused_with_the_loaders_there_are(run):
    with pytest.raises(ValueError, match=r"style 'winter' .* --loader; there are identity, source"):
        run('--domain', 'winter')


def test_what_cannot_be_translated_is_refused_with_the_reason(run):
    with pytest.raises(
        ValueError, match=r'have 0 channels but E_p takes 1.*give the identity data'
    ):
        run('--domain', 'target', '--loader', 'identity')


def test_a_model_without_generators_is_refused_before_its_data_are_read(tmp_path):
    config = HERE.parents[1] / 'configs/baselines/synth_a_to_b.py'
    args = [str(config), 'none.pth', '--out', str(tmp_path / 'out')]
    with pytest.raises(ValueError, match=r'IdentityModel, the model of .* translates no images'):
        translate.run(parse('translate', args))
    assert not (tmp_path / 'out').exists()


def test_a_trained_model_is_that_of_the_checkpoint_and_another_config_is_refused(straight):
    checkpoint = Path(straight.work_dir, 'stage_joint.pth')
    cfg = load_config(HERE / 'gcl_tiny.py')
    model = trained_model(cfg, checkpoint)
    assert not model.training
    state = straight.model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    with pytest.raises(ValueError, match=r'stage_joint\.pth does not fit CrossDomainGCL'):
        trained_model(
            load_config(HERE / 'gcl_tiny.py', {'model.networks.G.head_dim': 4}), checkpoint
        )
