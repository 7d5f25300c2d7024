"""TranslatePositivesHook: which positives a stage is given, by which translator, and when."""

import shutil
from pathlib import Path

import pytest
import torch

from projects.gcl_camera.gcl_camera import BackgroundBank, CameraColourTransfer
from reidgen.checkpoint import read_checkpoint
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.translation import ModelTranslator, translate_dataset
from reidgen.models.adversarial import unwrap_model

pytestmark = pytest.mark.slow

BACKGROUNDS = {'default_hooks.translated.backgrounds': 'target'}
MEMORY = [dict(name='memory', iters=1, phases=['M'], loaders=dict(pairs='translated'))]


def sets(runner):
    """Source and target with their maps, nothing random."""
    return (
        runner.dataset(runner.cfg.train_dataloader[name]).plain(maps=True)
        for name in ('source', 'target')
    )


def translation(run, record, stage: str = 'memory') -> torch.Tensor:
    return read_rgb(Path(run, 'translated', stage, '0', Path(record.path).name))


def test_the_phase_moves_the_encoder_and_its_memory_alone(whole):
    old, new = (
        read_checkpoint(Path(whole.work_dir, f'stage_{name}.pth'))['state_dict']
        for name in ('generators', 'memory')
    )
    moved = {key.partition('.')[0] for key in old if not torch.equal(old[key], new[key])}
    assert moved == {'E_c', 'bank'}


def test_the_positives_are_what_the_generators_of_the_stage_before_make(whole, tmp_path):
    work, model = Path(whole.work_dir), unwrap_model(whole.model)
    source = whole.dataset(whole.cfg.train_dataloader['source'])
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(read_checkpoint(work / 'stage_generators.pth')['state_dict'])
    translate_dataset(ModelTranslator(model, 'target'), source, tmp_path, {}, batch_size=5)
    model.load_state_dict(kept)
    for record in source.records:
        again = read_rgb(tmp_path / Path(record.path).name)
        # another batch size rounds otherwise
        assert (translation(work, record).float() - again.float()).abs().max() <= 2


def test_a_resumed_stage_reads_the_same_positives_and_misses_them_by_their_folder(
    whole, tmp_path, trained
):
    work = Path(whole.work_dir)
    cut = dict(resume=True, load_from=str(work / 'iter_12.pth'))  # within the stage
    with pytest.raises(FileNotFoundError, match='translated/memory/0'):
        trained(tmp_path / 'without', **cut)
    shutil.copytree(work / 'translated', tmp_path / 'with/translated')
    trained(tmp_path / 'with', **cut)
    one, other = (
        read_checkpoint(run / 'stage_memory.pth')['state_dict'] for run in (work, tmp_path / 'with')
    )
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_untranslated_persons_stand_in_front_of_target_backgrounds(tmp_path, trained):
    options = {'train_cfg.stages': MEMORY, 'default_hooks.translated.translator': 'none'}
    source, target = sets(trained(tmp_path, BACKGROUNDS | options))
    bank = BackgroundBank(target)
    for row, record in enumerate(source.records):
        item = source[row]
        expected = bank.behind(
            item.img.permute(1, 2, 0)[None], item.pose_map[None], torch.tensor([row]), None, 0
        )[0]
        picture = translation(tmp_path, record).permute(1, 2, 0)
        assert (picture.int() - expected.int()).abs().max() <= 1


def test_backgrounds_take_what_the_generators_make_of_the_person_alone(tmp_path, trained):
    plain = trained(tmp_path / 'plain', {'train_cfg.stages': MEMORY})
    trained(tmp_path / 'before', BACKGROUNDS | {'train_cfg.stages': MEMORY})
    source, _ = sets(plain)
    for row, record in enumerate(source.records):
        one, other = (translation(tmp_path / run, record).int() for run in ('plain', 'before'))
        body = (source[row].pose_map[-1] > 48)[None, None].float()
        inside = torch.nn.functional.max_pool2d(1 - body, 3, 1, 1)[0, 0] == 0
        outside = torch.nn.functional.max_pool2d(body, 9, 1, 4)[0, 0] == 0
        assert (one - other)[:, inside].abs().max() <= 1
        assert (one - other)[:, outside].abs().float().mean() > 5


def test_colours_of_heads_are_a_translator_without_a_generator(tmp_path, trained):
    options = {'train_cfg.stages': MEMORY, 'default_hooks.translated.translator': 'colours'}
    source, target = sets(trained(tmp_path, options))
    colours = CameraColourTransfer(source, target)
    for row, record in enumerate(source.records):
        item = source[row]
        expected = colours.transfer(item.img[None], torch.tensor([item.camid]), None)[0]
        assert (translation(tmp_path, record) - expected).abs().max() <= 1
        assert (item.img - expected).abs().mean() > 2


@pytest.mark.parametrize(
    'option, value, message',
    [
        ('backgrounds', dict(images='target'), 'must be a text or None'),
        ('backgrounds', 'winter', "loader 'winter'; set .*backgrounds"),
        ('translator', 'none', 'without backgrounds leaves the images as they are'),
        ('translator', 'G', "translator is 'G'; known: model, colours, none"),
        ('to', 'winter', "to is 'winter'; known: source, target"),
    ],
)
def test_wrong_options_are_refused_before_training(tmp_path, trained, option, value, message):
    with pytest.raises((TypeError, ValueError), match=message):
        trained(tmp_path, {'train_cfg.stages': MEMORY, f'default_hooks.translated.{option}': value})
    assert not list(tmp_path.glob('*.pth'))


def test_each_stage_has_the_positives_of_the_hook_that_names_it(tmp_path, trained):
    stages = [dict(MEMORY[0], name=name) for name in ('memory', 'scenes')]
    raw = dict(type='TranslatePositivesHook', backgrounds='target', translator='none')
    options = {
        'train_cfg.stages': stages,
        'default_hooks.translated.stages': ['memory'],
        'default_hooks.untranslated': raw | dict(stages=['scenes']),
    }
    source, _ = sets(trained(tmp_path, options))
    off = {'memory': [], 'scenes': []}
    for row, record in enumerate(source.records):
        item = source[row]
        body = (item.pose_map[-1:] <= 48).float()[None]
        inside = torch.nn.functional.max_pool2d(body, 3, 1, 1)[0, 0] == 0
        for stage, differences in off.items():
            away = (translation(tmp_path, record, stage).int() - item.img.int()).abs()
            differences.append(away[:, inside].float().mean().item())
    assert max(off['scenes']) <= 1 < min(off['memory'])
    for changed, message in (
        (dict(stages=['scene']), r"stages names \['scene'\]; .* are \['memory', 'scenes'\]"),
        (
            dict(stages=['memory']),
            '2 of the TranslatePositivesHooks .* the stage memory',
        ),
    ):
        with pytest.raises(ValueError, match=message):
            trained(tmp_path / 'bad', options | {'default_hooks.untranslated': raw | changed})
    path = str(tmp_path / 'stage_memory.pth')
    last = options | {'train_cfg.first_stage': 'scenes', 'load_from': path}
    trained(tmp_path / 'last', last)
    assert [path.name for path in (tmp_path / 'last/translated').iterdir()] == ['scenes']
