"""Painted views of a data set: target scenes behind the persons, detail, colours of heads."""

from pathlib import Path

import pytest
import torch
from memory_runs import trained

from reidgen.datasets import HeadColours, Scenes
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.translation import keep_detail, translate_dataset
from reidgen.models.adversarial import unwrap_model

# ---- target scenes ----

SCENES = {'default_hooks.translated.scenes': dict(images='target')}
MEMORY = [dict(name='memory', iters=1, phases=['M'], loaders=dict(views='translated'))]


def test_persons_of_a_painted_stage_stand_in_front_of_target_scenes(tmp_path):
    options = {'train_cfg.stages': MEMORY, 'default_hooks.translated.translator': 'none'}
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
        picture = read_rgb(tmp_path / 'translated/memory/0' / Path(record.path).name)
        assert (picture.permute(1, 2, 0).int() - expected.int()).abs().max() <= 1


def test_scenes_take_what_the_generators_paint_on_the_person_alone(tmp_path):
    plain = trained(tmp_path / 'plain', {'train_cfg.stages': MEMORY})
    trained(tmp_path / 'scenes', SCENES | {'train_cfg.stages': MEMORY})
    source = plain.dataset(plain.cfg.train_dataloader['source']).plain(maps=True)
    for row, record in enumerate(source.records):
        one, other = (
            read_rgb(tmp_path / run / 'translated/memory/0' / Path(record.path).name).int()
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
    trained(tmp_path / 'detail', SCENES | stages | {'default_hooks.translated.detail': 3.0})
    source = plain.dataset(plain.cfg.train_dataloader['source']).plain(maps=True)
    for row, record in enumerate(source.records):
        full, picture = (
            read_rgb(tmp_path / run / 'translated/memory/0' / Path(record.path).name).float()
            for run in ('plain', 'detail')
        )
        item = source[row]
        persons = Scenes(source).persons(item.pose_map[None])
        expected = keep_detail(item.img[None].float(), full[None], 3.0, persons)[0].clamp(0, 255)
        inside = torch.nn.functional.max_pool2d(1 - persons, 5, 1, 2)[0, 0] == 0
        assert inside.any()
        # not to the last level: the whole translated picture was clipped before it was written
        assert (picture - expected)[:, inside].abs().mean() < 2
        assert (picture - full)[:, inside].abs().mean() > 3


def test_heads_give_the_colours_where_no_generator_does(tmp_path):
    options = {'train_cfg.stages': MEMORY, 'default_hooks.translated.translator': 'heads'}
    runner = trained(tmp_path, options)
    source, target = (
        runner.dataset(runner.cfg.train_dataloader[name]).plain(maps=True)
        for name in ('source', 'target')
    )
    colours = HeadColours(source, target)
    for row, record in enumerate(source.records):
        item = source[row]
        expected = colours(item.img[None], torch.tensor([item.camid]), None)[0]
        picture = read_rgb(tmp_path / 'translated/memory/0' / Path(record.path).name)
        assert (picture - expected).abs().max() <= 1
        assert (item.img - expected).abs().mean() > 2


@pytest.mark.parametrize(
    'options, message',
    [
        ({'default_hooks.translated.detail': 0.0}, 'detail is 0.0; give pixels above 0'),
        (
            {'default_hooks.translated.scenes': dict(margin=2)},
            r"say whose: dict\(images='target'\)",
        ),
        (
            {'default_hooks.translated.scenes': dict(images='target', marge=2)},
            r"scenes has no option \['marge'\]; known: channel, threshold, margin",
        ),
        (
            {'default_hooks.translated.scenes': dict(images='winter')},
            "loader 'winter'; set .*scenes",
        ),
        (
            {'default_hooks.translated.translator': 'none'},
            'without scenes leaves the images as they are',
        ),
        (
            {'default_hooks.translated.translator': 'G'},
            "translator is 'G'; known: model, heads, none",
        ),
    ],
)
def test_scenes_of_nobody_are_refused_before_training(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        trained(tmp_path, {'train_cfg.stages': MEMORY} | options)
    assert not list(tmp_path.glob('*.pth'))


def test_each_stage_is_painted_by_the_hook_that_names_it(tmp_path):
    stages = [
        dict(name=name, iters=1, phases=['M'], loaders=dict(views='translated'))
        for name in ('memory', 'scenes')
    ]
    raw = dict(type='PaintedViewsHook', scenes=dict(images='target'), translator='none')
    options = {
        'train_cfg.stages': stages,
        'default_hooks.translated.stages': ['memory'],
        'default_hooks.untranslated': raw | dict(stages=['scenes']),
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
            picture = read_rgb(tmp_path / 'translated' / stage / '0' / Path(record.path).name)
            away = (picture.int() - item.img.int()).abs()[:, inside == 0]
            differences.append(away.float().mean().item())
    assert max(off['scenes']) <= 1 < min(off['memory'])
    for changed, message in (
        (dict(stages=['scene']), r"stages names \['scene'\]; .* are \['memory', 'scenes'\]"),
        (dict(stages=['memory']), '2 of the PaintedViewsHooks translate for the stage memory'),
    ):
        with pytest.raises(ValueError, match=message):
            trained(tmp_path / 'bad', options | {'default_hooks.untranslated': raw | changed})
    path = str(tmp_path / 'stage_memory.pth')
    last = options | {'train_cfg.first_stage': 'scenes', 'load_from': path}
    assert not (trained(tmp_path / 'last', last).work_dir / Path('translated/memory')).exists()
    assert (tmp_path / 'last' / 'translated' / 'scenes').is_dir()


# ---- translation a data set ----


@pytest.fixture
def translator(whole):
    return unwrap_model(whole.model), whole.dataset(whole.cfg.train_dataloader['source'])


def test_an_interrupted_painting_is_completed_and_what_is_there_is_kept(translator, tmp_path):
    model, source = translator
    translate_dataset(model, source, 'target', tmp_path, {})
    first, *others = sorted(path for path in tmp_path.iterdir() if path.suffix != '.json')
    stamp = first.stat().st_mtime_ns
    for path in others[::2]:
        path.unlink()
    translate_dataset(model, source, 'target', tmp_path, {})
    assert first.stat().st_mtime_ns == stamp
    assert all(path.exists() for path in others)
    assert not list(tmp_path.glob('*.part'))


def test_painting_over_another_translation_is_refused(translator, tmp_path):
    model, source = translator
    translate_dataset(model, source, 'target', tmp_path / 'a', dict(seed=0))
    with pytest.raises(ValueError, match=r"holds a translation by .*'seed': 0.*delete the folder"):
        translate_dataset(model, source, 'target', tmp_path / 'a', dict(seed=1))
    shown = source.plain(maps=True)
    for other in (
        dict(translator='none'),
        dict(translator=HeadColours(shown, shown)),
        dict(detail=2.0),
        dict(scenes=Scenes(shown)),
        dict(style=1),
    ):
        with pytest.raises(ValueError, match='holds a translation by'):
            translate_dataset(model, source, 'target', tmp_path / 'a', dict(seed=0), **other)
    translate_dataset(model, source, 'target', tmp_path / 'b', {}, scenes=Scenes(shown))
    with pytest.raises(ValueError, match=r"'margin': 3.*'margin': 2"):
        translate_dataset(
            model, source, 'target', tmp_path / 'b', {}, scenes=Scenes(shown, margin=2)
        )


def test_painting_keeps_the_mode_of_the_model(translator, tmp_path):
    model, source = translator
    model.train()
    translate_dataset(model, source, 'source', tmp_path, {})
    assert model.training
