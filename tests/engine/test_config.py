from pathlib import Path

import pytest

from reidgen.engine import config as configs
from reidgen.engine.config import drop_pretrained, load_config

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
SMOKE = CONFIGS / 'gcl_smoke.py'


def strings(node):
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list | tuple):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*.py')), ids=lambda path: path.stem)
def test_every_config_parses(path):
    cfg = load_config(path)
    assert not [value for value in strings(cfg._cfg_dict.to_dict()) if value.startswith('{')]
    assert cfg.default_scope == 'reidgen'


@pytest.fixture
def written(tmp_path):
    """The path of a config of this text."""

    def write(text: str) -> Path:
        path = tmp_path / 'mine.py'
        path.write_text(text)
        return path

    return write


# ---- names and keys ----


@pytest.mark.parametrize(
    'option,value,error',
    [
        (
            'model.type',
            'CrossDomainGLC',
            r"model: nothing is registered as 'CrossDomainGLC' \(did you mean 'CrossDomainGCL'\?\)",
        ),
        (
            'model.networks.G.type',
            'AdaINDecodr',
            r"model\.networks\.G: .*mean 'AdaINDecoder'.*known: .*PoseEncoder",
        ),
        (
            'model.networks.G.base_dims',
            8,
            r"networks\.G: AdaINDecoder takes no 'base_dims' \(did you mean 'base_dim'",
        ),
        (
            'model.gan_los',
            {},
            r"model: CrossDomainGCL takes no 'gan_los' \(did you mean 'gan_loss'",
        ),
        (
            'optim_wrapper.D.beta',
            1,
            r"optim_wrapper\.D: Adam takes no 'beta' \(did you mean 'betas'",
        ),
        (
            'train_dataloader.source.dataset.num_ids',
            1,
            r"source\.dataset: ShapesReID takes no 'num_ids'",
        ),
        (
            'train_dataloader.identity.dataset.transforms.2.paddin',
            1,
            r"transforms\.2: RandomPadCrop takes no 'paddin'",
        ),
        (
            'default_hooks.grid.intervall',
            1,
            r"default_hooks\.grid: .* takes no 'intervall' .*'interval'",
        ),
        (
            'val_evaluator.rank',
            1,
            r"val_evaluator: ReIDMetric takes no 'rank' \(did you mean 'ranks'",
        ),
    ],
)
def test_a_misspelt_name_or_key_is_refused_with_its_place(option, value, error):
    with pytest.raises(ValueError, match=error):
        load_config(SMOKE, {option: value})


@pytest.mark.parametrize(
    'key,meant', [('train_dataloder', 'train_dataloader'), ('custom_hook', 'custom_hooks')]
)
def test_a_misspelt_top_level_key_is_refused_with_the_nearest(key, meant, written):
    with pytest.raises(ValueError, match=f"unknown top-level key '{key}': did you mean '{meant}'"):
        load_config(written(f'{key} = []'))
    with pytest.raises(
        ValueError, match=rf"no key '{key}' \(did you mean '{meant}'\?\); known: .*"
    ):
        load_config(SMOKE, {key: []})


@pytest.mark.parametrize(
    'option, message',
    [
        ('data_root.market1501', r"no key 'data_root' \(did you mean 'data_roots'\?\)"),
        ('data_roots.cropz', r"no data root 'cropz'; known: market1501"),
        ('adam.lr', r'adam is a variable .* below .*optim_wrapper'),
        ('anything', "no key 'anything'; known: .*train_cfg"),
    ],
)
def test_an_option_that_nothing_would_read_is_refused(option, message):
    with pytest.raises(ValueError, match=f'{option}: .*{message}'):
        load_config(CONFIGS / 'gcl_mot2pets.py', {option: 3})


def test_variables_of_a_config_are_no_misspellings(written):
    assert load_config(written('loaders, my_width, stages = [], 3, 4')).my_width == 3


def test_no_such_file_lists_what_is_there(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'no config .*gcl_smok\.py; did you mean .*gcl_smoke\.py'
    ):
        load_config(CONFIGS / 'gcl_smok.py')


def test_keys_of_an_optimizer_group_are_known_beside_the_optimizers_own():
    options = {
        'optim_wrapper.D.clip_grad': dict(max_norm=1.0),
        'optim_wrapper.D.clip_weights': 0.01,
    }
    assert load_config(SMOKE, options).optim_wrapper.D.clip_weights == 0.01


def test_an_option_may_be_a_whole_group_with_a_type():
    group = dict(_delete_=True, type='SGD', lr=0.1, networks=['D_s', 'D_t'])
    cfg = load_config(SMOKE, {'optim_wrapper.D': group})
    assert cfg.optim_wrapper.D.type == 'SGD'


def test_an_option_for_what_the_caller_reads_is_taken(written):
    path = written('mine = dict(size=3)')
    assert load_config(path, {'mine.size': 4}, reads=('mine',)).mine.size == 4
    with pytest.raises(ValueError, match=r'mine\.size: mine is a variable'):
        load_config(path, {'mine.size': 4})


# ---- data roots ----

ROOTS = """
data_roots = dict(market='data/market', mesh='data/mesh', real=['here', 'there'])
source = dict(root='{market}')
pairs = [dict(root='{market}/train', maps='{mesh}/market')]
places = dict(root='{real}/mot', weights=['{real}/w.pth', 'imagenet'])
title = 'no {market} within a text'
"""


def test_roots_are_filled_in_wherever_they_are_used(written):
    cfg = load_config(written(ROOTS))
    assert cfg.source.root == 'data/market'
    assert cfg.pairs[0] == dict(root='data/market/train', maps='data/mesh/market')
    assert cfg.title == 'no {market} within a text'


def test_a_list_of_places_stays_one_list(written):
    cfg = load_config(written(ROOTS))
    assert cfg.places.root == ['here/mot', 'there/mot']
    assert cfg.places.weights == ['here/w.pth', 'there/w.pth', 'imagenet']


def test_an_override_of_a_root_reaches_every_use(written):
    cfg = load_config(written(ROOTS), {'data_roots.market': '/disk/m'})
    assert (cfg.source.root, cfg.pairs[0].root) == ('/disk/m', '/disk/m/train')


def test_an_override_of_a_root_reaches_the_loaders_of_a_shipped_config():
    cfg = load_config(
        CONFIGS / 'gcl_market2duke.py',
        {'data_roots.market1501': '/disk/m', 'data_roots.mesh': '/disk/maps'},
    )
    used = [cfg.train_dataloader.identity.dataset, cfg.train_dataloader.source.dataset]
    assert [dataset.root for dataset in used] == ['/disk/m', '/disk/m']
    assert cfg.train_dataloader.source.dataset.pose_map.root.startswith('/disk/maps/')


def test_an_unknown_root_is_refused_with_the_known_ones(written):
    with pytest.raises(
        ValueError, match=r"names the data root 'cuhk'; data_roots has \['market', 'mesh', 'real'\]"
    ):
        load_config(written(ROOTS + "other = dict(root='{cuhk}/x')"))


def test_checking_a_config_does_not_change_it():
    assert load_config(SMOKE).pretty_text == load_config(SMOKE).pretty_text


@pytest.mark.parametrize(
    'options', [{'train_cfg.stages.7.iters': 3}, {'default_hooks.sampler_seed.type': 'StageHook'}]
)
def test_options_that_do_not_fit_the_config_are_refused(options):
    with pytest.raises(ValueError, match=r'the options \{.* do not fit .*gcl_smoke\.py'):
        load_config(SMOKE, options)


def test_no_network_looks_for_weights_that_a_checkpoint_brings():
    cfg = load_config(CONFIGS / 'gcl_market2duke.py')
    assert cfg.model.networks.E_c.weights == 'imagenet'
    others = {name: network for name, network in cfg.model.networks.items() if name != 'E_c'}
    drop_pretrained(cfg)
    assert cfg.model.networks.E_c.weights is None
    assert {name: cfg.model.networks[name] for name in others} == others
    assert 'weights' not in cfg.model.networks.G


@pytest.mark.parametrize('as_base', [False, True])
def test_yaml_is_read_as_data(as_base, tmp_path):
    ran, path = tmp_path / 'ran', tmp_path / 'a.yaml'
    path.write_text(f'seed: !!python/object/apply:os.mkdir [{ran}]\n')
    config = tmp_path / 'b.py'
    config.write_text("_base_ = ['a.yaml']\n")
    with pytest.raises(ValueError, match=r'is no plain YAML: .*python/object/apply'):
        load_config(config if as_base else path)
    assert not ran.exists()
    path.write_text('seed: 3\n')
    assert load_config(config if as_base else path).seed == 3


# ---- test transforms ----


def test_a_config_without_evaluation_tells_its_test_transforms(written):
    path = written("test_transforms = [dict(type='Resize', size=(64, 32))]")
    found = configs.test_transforms(load_config(path), path)
    assert found == [dict(type='Resize', size=(64, 32))]


def test_a_config_with_neither_evaluation_nor_test_transforms_is_told_both_ways(written):
    path = written('randomness = dict(seed=0)')
    with pytest.raises(ValueError, match=r'val_dataloader, whose .*, a top-level test_transforms'):
        configs.test_transforms(load_config(path), path)


def test_inherited_test_transforms_of_another_size_than_the_training_are_refused(written):
    path = written(f"_base_ = ['{SMOKE}']\nval_dataloader = val_cfg = val_evaluator = None")
    with pytest.raises(ValueError, match=r'\(256, 128\)\], the pictures of .* \[\(64, 32\)\]'):
        configs.test_transforms(load_config(path), path)


def test_an_evaluation_tells_the_test_transforms_before_the_top_level(written):
    path = written(f"_base_ = ['{SMOKE}']")
    found = configs.test_transforms(load_config(path), path)
    assert found == [dict(type='Resize', size=(64, 32))]
