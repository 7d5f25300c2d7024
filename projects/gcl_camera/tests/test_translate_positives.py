"""TranslatePositivesHook: which positives a stage is given, by which translator, and when."""

import shutil
from pathlib import Path

import pytest
import torch

from projects.gcl_camera.gcl_camera import BackgroundBank, CameraColourTransfer
from projects.gcl_camera.gcl_camera.translate_positives import TranslatePositivesHook, check_stages
from reidgen.checkpoint import read_checkpoint
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.translation import ModelTranslator, translate_dataset
from reidgen.models.adversarial import unwrap_model

pytestmark = pytest.mark.slow

MEMORY = [dict(name='memory', iters=1, phases=['M'], loaders=dict(pairs='translated'))]


def sets(runner):
    """Source and target with their maps, nothing random."""
    return (
        runner.dataset(runner.cfg.train_dataloader[name]).plain(maps=True)
        for name in ('source', 'target')
    )


def read(folder, record) -> torch.Tensor:
    """Translation of an image in the folder of a stage."""
    return read_rgb(Path(folder, '0', Path(record.path).name))


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
        assert (read(work / 'translated/memory', record).float() - again.float()).abs().max() <= 2


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


def test_untranslated_persons_stand_in_front_of_target_backgrounds(whole, tmp_path):
    TranslatePositivesHook(translator='none', backgrounds='target').translate(whole, tmp_path)
    source, target = sets(whole)
    bank = BackgroundBank(target)
    for row, record in enumerate(source.records):
        item = source[row]
        expected = bank.behind(
            item.img.permute(1, 2, 0)[None], item.pose_map[None], torch.tensor([row]), None, 0
        )[0]
        picture = read(tmp_path, record).permute(1, 2, 0)
        assert (picture.int() - expected.int()).abs().max() <= 1


def test_backgrounds_take_what_the_generators_make_of_the_person_alone(whole, tmp_path):
    TranslatePositivesHook().translate(whole, tmp_path / 'plain')
    TranslatePositivesHook(backgrounds='target').translate(whole, tmp_path / 'before')
    source, _ = sets(whole)
    for row, record in enumerate(source.records):
        one, other = (read(tmp_path / name, record).int() for name in ('plain', 'before'))
        body = (source[row].pose_map[-1] > 48)[None, None].float()
        inside = torch.nn.functional.max_pool2d(1 - body, 3, 1, 1)[0, 0] == 0
        outside = torch.nn.functional.max_pool2d(body, 9, 1, 4)[0, 0] == 0
        assert (one - other)[:, inside].abs().max() <= 1
        assert (one - other)[:, outside].abs().float().mean() > 5


@pytest.mark.parametrize(
    'translator, match',
    [('colours', 'moments'), ('colour_matrix', 'matrix'), ('colour_histogram', 'histogram')],
)
def test_colours_of_heads_are_a_translator_without_a_generator(whole, tmp_path, translator, match):
    TranslatePositivesHook(translator=translator).translate(whole, tmp_path)
    source, target = sets(whole)
    colours = CameraColourTransfer(source, target, match=match)
    for row, record in enumerate(source.records):
        item = source[row]
        expected = colours.transfer(item.img[None], torch.tensor([item.camid]), None)[0]
        assert (read(tmp_path, record) - expected).abs().max() <= 1
        assert (item.img - expected).abs().mean() > 2


def test_a_blur_is_a_gaussian_over_what_was_translated_but_not_the_background(whole, tmp_path):
    options = dict(translator='colours', backgrounds='target')
    TranslatePositivesHook(**options, blur=0.8).translate(whole, tmp_path)
    source, target = sets(whole)
    colours, bank = CameraColourTransfer(source, target), BackgroundBank(target)
    steps = torch.arange(-3, 4).double()
    kernel = torch.exp(-(steps**2) / (2 * 0.8**2))
    kernel = (kernel[:, None] * kernel / kernel.sum() ** 2).expand(3, 1, 7, 7)
    for row, record in enumerate(source.records):
        item = source[row]
        picture = colours.transfer(item.img[None], torch.tensor([item.camid]), None).round()
        padded = torch.nn.functional.pad(picture.double(), (3, 3, 3, 3), 'reflect')
        blurred = torch.nn.functional.conv2d(padded, kernel, groups=3).round().to(torch.uint8)
        expected = bank.behind(
            blurred.permute(0, 2, 3, 1), item.pose_map[None], torch.tensor([row]), None, 0
        )[0]
        assert (read(tmp_path, record).permute(1, 2, 0).int() - expected.int()).abs().max() <= 2


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(blur=-0.5), 'blur is -0.5; give pixels from 0'),
        (dict(translator='none'), 'without backgrounds leaves the images as they are'),
        (dict(translator='G'), "translator is 'G'; known: model, colours, .*, none"),
        (dict(to='winter'), "to is 'winter'; known: source, target"),
    ],
)
def test_wrong_options_are_refused_when_the_hook_is_built(options, message):
    with pytest.raises(ValueError, match=message):
        TranslatePositivesHook(**options)


def test_a_loader_that_there_is_not_is_refused_before_training(tmp_path, trained):
    options = {'train_cfg.stages': MEMORY, 'default_hooks.translated.backgrounds': 'winter'}
    with pytest.raises(ValueError, match=r"loader 'winter'; set .*backgrounds"):
        trained(tmp_path, options)
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
            away = (read(tmp_path / 'translated' / stage, record).int() - item.img.int()).abs()
            differences.append(away[:, inside].float().mean().item())
    assert max(off['scenes']) <= 1 < min(off['memory'])


def test_stages_without_a_hook_of_their_own_or_with_two_are_refused():
    stages, hook = ['memory', 'scenes'], TranslatePositivesHook
    one = hook(stages=('memory',))
    check_stages(stages, (), [one, hook(stages=('scenes',))])
    check_stages(['scenes'], ('memory',), [one, hook(stages=('scenes',))])  # one is left out
    with pytest.raises(
        ValueError, match=r"stages names \['scene'\]; .* are \['memory', 'scenes'\]"
    ):
        check_stages(stages, (), [one, hook(stages=('scene',))])
    with pytest.raises(ValueError, match=r'2 of the TranslatePositivesHooks .* the stage memory'):
        check_stages(stages, (), [one, hook(stages=('memory',))])
    with pytest.raises(ValueError, match=r'0 of the TranslatePositivesHooks .* the stage scenes'):
        check_stages(stages, (), [one])
