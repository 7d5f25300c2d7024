"""Stages in which a memory alone trains the encoder: painted views, pseudo-labels, branches."""

import shutil
from pathlib import Path

import pytest
import torch
from test_resume import assert_same_end

from reidgen.checkpoint import read_checkpoint
from reidgen.datasets import HeadColours, Scenes
from reidgen.datasets.image_files import read_rgb
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.engine.translation import keep_detail, paint_dataset
from reidgen.models.adversarial import bare

CONFIG = Path(__file__).with_name('gcl_memories.py')


def trained(work_dir: Path, options: dict | None = None, **keys) -> ReIDRunner:
    cfg = load_config(CONFIG, options)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{work_dir.name}_{sorted((options or {}).items())}_{sorted(keys)}'
    for key, value in keys.items():
        cfg[key] = value
    runner = ReIDRunner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def whole(tmp_path_factory) -> ReIDRunner:
    """A finished training, a checkpoint every two iterations; not to be changed."""
    return trained(tmp_path_factory.mktemp('memories'))


def weights(path: Path, network: str) -> dict:
    state = read_checkpoint(path)['state_dict']
    return {key: value for key, value in state.items() if key.startswith(f'{network}.')}


def equal(one: dict, other: dict) -> bool:
    assert one.keys() == other.keys()
    return all(torch.equal(one[key], other[key]) for key in one)


def test_a_stage_that_starts_from_an_earlier_one_forgets_what_came_between(whole):
    work = Path(whole.work_dir)
    identity = weights(work / 'stage_identity.pth', 'E_c')
    assert not equal(weights(work / 'stage_control.pth', 'E_c'), identity)
    assert equal(weights(work / 'stage_generators.pth', 'E_c'), identity)  # frozen there
    assert not weights(work / 'stage_generators.pth', 'bank')['bank.filled']


def test_memory_stages_move_the_encoder_and_their_memory_alone(whole):
    work = Path(whole.work_dir)
    for stage, before, moved in (
        ('memory', 'generators', {'E_c', 'bank'}),
        ('clusters', 'memory', {'E_c', 'bank_t'}),
    ):
        old = read_checkpoint(work / f'stage_{before}.pth')['state_dict']
        new = read_checkpoint(work / f'stage_{stage}.pth')['state_dict']
        changed = {key.partition('.')[0] for key in old if not torch.equal(old[key], new[key])}
        assert changed == moved


def test_second_views_are_what_the_generators_paint_of_each_image(whole, tmp_path):
    work, model = Path(whole.work_dir), bare(whole.model)
    source = whole.dataset(whole.cfg.train_dataloader['source'])
    old = read_checkpoint(work / 'stage_generators.pth')['state_dict']
    model.load_state_dict(old)
    paint_dataset(model, source, 'target', tmp_path / 'again', {}, batch_size=5)
    painted = sorted((work / 'painted/memory/0').glob('*.*'))
    assert len([path for path in painted if path.suffix != '.json']) == len(source)
    for record in source.records:
        name = Path(record.path).name
        one, other = read_rgb(work / 'painted/memory/0' / name), read_rgb(tmp_path / 'again' / name)
        # another batch size rounds otherwise
        assert (one.float() - other.float()).abs().max() <= 2


def test_labels_of_the_memory_are_clusters_and_the_report_has_the_title(whole):
    state = read_checkpoint(Path(whole.work_dir, 'stage_clusters.pth'))['state_dict']
    assert set(state['bank_t.labels'].tolist()) == {0, 1, 2, 3, 4}
    assert '| pseudo-labels, iteration 20 |' in Path(whole.work_dir, 'report.md').read_text()
    log = next(Path(whole.work_dir).glob('*/*.log')).read_text()
    assert log.count('bank_t: 5 clusters') == 3  # before the stage, after 3 and 6 of 7 iterations


# in the painted stage, and between two clusterings
@pytest.mark.parametrize('checkpoint', ['iter_12.pth', 'iter_16.pth', 'stage_memory.pth'])
def test_a_resumed_memory_stage_ends_with_the_bits_of_one_in_a_piece(whole, tmp_path, checkpoint):
    work = Path(whole.work_dir)
    shutil.copytree(work / 'painted', tmp_path / 'painted')
    shutil.copy(work / 'stage_identity.pth', tmp_path)
    options = {
        f'train_dataloader.{name}.num_workers': 1 for name in ('painted', 'clusters')
    }  # the training in one piece has none
    trained(tmp_path, options, resume=True, load_from=str(work / checkpoint))
    assert_same_end(work / 'stage_clusters.pth', tmp_path / 'stage_clusters.pth')


def test_a_resume_without_its_painted_views_stops_with_the_folder(whole, tmp_path):
    with pytest.raises(FileNotFoundError, match='painted/memory/0'):
        trained(tmp_path, resume=True, load_from=str(Path(whole.work_dir, 'iter_12.pth')))


def test_a_stage_that_starts_from_a_file_that_is_gone_says_which(whole, tmp_path):
    path = str(Path(whole.work_dir, 'stage_control.pth'))
    with pytest.raises(FileNotFoundError, match=r"start='identity'.*stage_identity\.pth"):
        trained(tmp_path, resume=True, load_from=path)


def test_branches_from_a_loaded_stage_start_from_it_also_after_a_resume(whole, tmp_path):
    identity = str(Path(whole.work_dir, 'stage_identity.pth'))
    branch = dict(iters=2, phases=['M'], loaders=dict(views='again'), start='identity')
    options = {
        'train_cfg.stages': [
            dict(name='identity', iters=4, phases=['I'], loaders=['identity']),
            *(dict(branch, name=name) for name in ('one', 'other', 'third')),
        ],
        'train_cfg.first_stage': 'one',
        'default_hooks.checkpoint.interval': 3,
    }
    trained(tmp_path / 'whole', options, load_from=identity)
    loaded = read_checkpoint(tmp_path / 'whole/loaded.pth')['state_dict']
    assert equal(loaded, read_checkpoint(identity)['state_dict'])
    log = next((tmp_path / 'whole').glob('*/*.log')).read_text()
    assert log.count('starts from loaded.pth') == 2
    # resumed within the second branch; the third one starts from the file
    (tmp_path / 'cut').mkdir()
    shutil.copy(tmp_path / 'whole/loaded.pth', tmp_path / 'cut')
    trained(tmp_path / 'cut', options, resume=True, load_from=str(tmp_path / 'whole/iter_3.pth'))
    assert_same_end(tmp_path / 'whole/stage_third.pth', tmp_path / 'cut/stage_third.pth')


def test_fewer_clusters_than_the_batch_needs_is_an_error_with_the_fix(tmp_path):
    options = {
        'train_cfg.stages': [
            dict(name='clusters', iters=2, phases=['T'], loaders=['clusters'], labels='cluster')
        ],
        'default_hooks.pseudo_label.clustering.num_clusters': 2,
    }
    with pytest.raises(ValueError, match=r'has 2 clusters, fewer than num_identities=3'):
        trained(tmp_path, options)


# ---- target scenes ----

SCENES = {'default_hooks.painted.scenes': dict(images='target')}
MEMORY = [dict(name='memory', iters=1, phases=['M'], loaders=dict(views='painted'))]


def test_persons_of_a_painted_stage_stand_in_front_of_target_scenes(tmp_path):
    options = {'train_cfg.stages': MEMORY, 'default_hooks.painted.painter': 'none'}
    runner = trained(tmp_path, SCENES | options)
    source, target = (
        runner.dataset(runner.cfg.train_dataloader[name]).plain(maps=True)
        for name in ('source', 'target')
    )
    scenes = Scenes(target)
    for row, record in enumerate(source.records):
        item = source[row]
        expected = scenes.behind(
            item.img.permute(1, 2, 0)[None], item.pose_map[None], torch.tensor([row]), None, 0
        )[0]
        picture = read_rgb(tmp_path / 'painted/memory/0' / Path(record.path).name)
        assert (picture.permute(1, 2, 0).int() - expected.int()).abs().max() <= 1


def test_scenes_take_what_the_generators_paint_on_the_person_alone(tmp_path):
    plain = trained(tmp_path / 'plain', {'train_cfg.stages': MEMORY})
    trained(tmp_path / 'scenes', SCENES | {'train_cfg.stages': MEMORY})
    source = plain.dataset(plain.cfg.train_dataloader['source']).plain(maps=True)
    for row, record in enumerate(source.records):
        one, other = (
            read_rgb(tmp_path / run / 'painted/memory/0' / Path(record.path).name).int()
            for run in ('plain', 'scenes')
        )
        body = (source[row].pose_map[-1] > 48)[None, None].float()
        inside = torch.nn.functional.max_pool2d(1 - body, 3, 1, 1)[0, 0] == 0
        outside = torch.nn.functional.max_pool2d(body, 9, 1, 4)[0, 0] == 0
        assert (one - other)[:, inside].abs().max() <= 1
        assert (one - other)[:, outside].abs().float().mean() > 5


def test_detail_is_kept_of_the_persons_that_stand_before_the_scenes(tmp_path):
    stages = {'train_cfg.stages': MEMORY}
    plain = trained(tmp_path / 'plain', stages)
    trained(tmp_path / 'detail', SCENES | stages | {'default_hooks.painted.detail': 3.0})
    source = plain.dataset(plain.cfg.train_dataloader['source']).plain(maps=True)
    for row, record in enumerate(source.records):
        full, picture = (
            read_rgb(tmp_path / run / 'painted/memory/0' / Path(record.path).name).float()
            for run in ('plain', 'detail')
        )
        item = source[row]
        persons = Scenes(source).persons(item.pose_map[None])
        expected = keep_detail(item.img[None].float(), full[None], 3.0, persons)[0].clamp(0, 255)
        inside = torch.nn.functional.max_pool2d(1 - persons, 5, 1, 2)[0, 0] == 0
        assert inside.any()
        # not to the last level: the whole painted picture was clipped before it was written
        assert (picture - expected)[:, inside].abs().mean() < 2
        assert (picture - full)[:, inside].abs().mean() > 3


def test_heads_give_the_colours_where_no_generator_does(tmp_path):
    options = {'train_cfg.stages': MEMORY, 'default_hooks.painted.painter': 'heads'}
    runner = trained(tmp_path, options)
    source, target = (
        runner.dataset(runner.cfg.train_dataloader[name]).plain(maps=True)
        for name in ('source', 'target')
    )
    colours = HeadColours(source, target)
    for row, record in enumerate(source.records):
        item = source[row]
        expected = colours(item.img[None], torch.tensor([item.camid]), None)[0]
        picture = read_rgb(tmp_path / 'painted/memory/0' / Path(record.path).name)
        assert (picture - expected).abs().max() <= 1
        assert (item.img - expected).abs().mean() > 2


@pytest.mark.parametrize(
    'options, message',
    [
        ({'default_hooks.painted.detail': 0.0}, 'detail is 0.0; give pixels above 0'),
        ({'default_hooks.painted.scenes': dict(margin=2)}, r"say whose: dict\(images='target'\)"),
        (
            {'default_hooks.painted.scenes': dict(images='target', marge=2)},
            r"scenes has no option \['marge'\]; known: channel, threshold, margin",
        ),
        ({'default_hooks.painted.scenes': dict(images='winter')}, "loader 'winter'; set .*scenes"),
        ({'default_hooks.painted.painter': 'none'}, 'without scenes leaves the images as they are'),
        ({'default_hooks.painted.painter': 'G'}, "painter is 'G'; known: model, heads, none"),
    ],
)
def test_scenes_of_nobody_are_refused_before_training(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        trained(tmp_path, {'train_cfg.stages': MEMORY} | options)
    assert not list(tmp_path.glob('*.pth'))


def test_each_stage_is_painted_by_the_hook_that_names_it(tmp_path):
    stages = [
        dict(name=name, iters=1, phases=['M'], loaders=dict(views='painted'))
        for name in ('memory', 'scenes')
    ]
    raw = dict(type='PaintedViewsHook', scenes=dict(images='target'), painter='none')
    options = {
        'train_cfg.stages': stages,
        'default_hooks.painted.stages': ['memory'],
        'default_hooks.unpainted': raw | dict(stages=['scenes']),
    }
    runner = trained(tmp_path, options)
    source = runner.dataset(runner.cfg.train_dataloader['source']).plain(maps=True)
    off = {'memory': [], 'scenes': []}
    for row, record in enumerate(source.records):
        item = source[row]
        inside = torch.nn.functional.max_pool2d((item.pose_map[-1:] <= 48).float()[None], 3, 1, 1)[
            0, 0
        ]
        for stage, differences in off.items():
            picture = read_rgb(tmp_path / 'painted' / stage / '0' / Path(record.path).name)
            away = (picture.int() - item.img.int()).abs()[:, inside == 0]
            differences.append(away.float().mean().item())
    assert max(off['scenes']) <= 1 < min(off['memory'])
    for changed, message in (
        (dict(stages=['scene']), r"stages names \['scene'\]; .* are \['memory', 'scenes'\]"),
        (dict(stages=['memory']), '2 of the PaintedViewsHooks paint for the stage memory'),
    ):
        with pytest.raises(ValueError, match=message):
            trained(tmp_path / 'bad', options | {'default_hooks.unpainted': raw | changed})


# ---- painting a data set ----


@pytest.fixture
def painter(whole):
    return bare(whole.model), whole.dataset(whole.cfg.train_dataloader['source'])


def test_an_interrupted_painting_is_completed_and_what_is_there_is_kept(painter, tmp_path):
    model, source = painter
    paint_dataset(model, source, 'target', tmp_path, {})
    first, *others = sorted(path for path in tmp_path.iterdir() if path.suffix != '.json')
    stamp = first.stat().st_mtime_ns
    for path in others[::2]:
        path.unlink()
    paint_dataset(model, source, 'target', tmp_path, {})
    assert first.stat().st_mtime_ns == stamp
    assert all(path.exists() for path in others)
    assert not list(tmp_path.glob('*.part'))


def test_painting_over_another_translation_is_refused(painter, tmp_path):
    model, source = painter
    paint_dataset(model, source, 'target', tmp_path / 'a', dict(seed=0))
    with pytest.raises(ValueError, match=r"holds a translation by .*'seed': 0.*delete the folder"):
        paint_dataset(model, source, 'target', tmp_path / 'a', dict(seed=1))
    shown = source.plain(maps=True)
    for other in (
        dict(painter='none'),
        dict(painter=HeadColours(shown, shown)),
        dict(detail=2.0),
        dict(scenes=Scenes(shown)),
        dict(style=1),
    ):
        with pytest.raises(ValueError, match='holds a translation by'):
            paint_dataset(model, source, 'target', tmp_path / 'a', dict(seed=0), **other)
    paint_dataset(model, source, 'target', tmp_path / 'b', {}, scenes=Scenes(shown))
    with pytest.raises(ValueError, match=r"'margin': 3.*'margin': 2"):
        paint_dataset(model, source, 'target', tmp_path / 'b', {}, scenes=Scenes(shown, margin=2))


def test_painting_keeps_the_mode_of_the_model(painter, tmp_path):
    model, source = painter
    model.train()
    paint_dataset(model, source, 'source', tmp_path, {})
    assert model.training
