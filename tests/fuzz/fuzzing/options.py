"""Options KEY=VALUE of the command line, read as commands read them."""

from pathlib import Path
from random import Random
from typing import Any

from reidgen.cli.main import parse
from reidgen.engine.config import load_config

from .case import Case, never
from .configs import CONFIG, start

LETTERS = 'abcXYZ_-./, :;=~@%+#&!?*\\ \u00e9\u4eba'
# text -> value; where only a text is, it is taken as it stands
VALUES: dict[str, Any] = {
    'True': True, 'false': False, 'None': None, '5': 5, '-3': -3, '1e-4': 1e-4, '.5': 0.5,
    '007': '007', '2024_01_01': '2024_01_01', '1,2': '1,2', 'a b': 'a b',
    "'5'": '5', '"a, b"': 'a, b',
    '[]': [], '[1, 2]': [1, 2], '(1,)': (1,), '[a,[b,1.5]]': ['a', ['b', 1.5]], '{a: 1}': {'a': 1},
    '0x10': '0x10', '1_000': '1_000', '++5': '++5', '5-6': '5-6', "it's": "it's",
    'C:\\data\\a': 'C:\\data\\a', '/data/My Drive/a,b': '/data/My Drive/a,b', 'a=b=c': 'a=b=c',
    '[a]b': '[a]b', '': '', ' ': ' ', '[,]': ['', ''][:1], "['a b', \"c,d\"]": ['a b', 'c,d'],
}  # fmt: skip
# what cannot be, with a word that the error must have
REFUSED: dict[str, str] = {
    'work_dir': 'work_dir',
    '=5': '=5',
    '': "''",
    'work_dir=[1,2': 'work_dir',
    'work_dir=[(1,2]': 'work_dir',
    'work_dir={a:[1}': 'work_dir',
    'work_dir=' + '[' * 5000: 'work_dir',
    'work_dir=' + '[' * 5000 + ']' * 5000: 'work_dir',
    'modle.bank.num_samples=5': 'modle',
    'model.bnak.num_samples=5': 'bnak',
    'model.bank.num_sampels=5': 'num_sampels',
    'model.bank.num_samples.x=5': 'num_samples',
    'model.bank=5': 'model.bank',
    'model=5': 'model',
    'model=[]': 'model',
    'model.=5': 'model',
    'model..bank=5': 'model',
    '.model=5': 'model',
    'model.networks.E_c.type=Nothing': 'Nothing',
    'model.networks.E_c.type=5': 'type',
    'model.networks.G.base_dim=many': 'base_dim',
    'model.networks.G.base_dim=[8]': 'base_dim',
    'model.networks.G.base_dim=None': 'base_dim',
    'train_cfg=5': 'train_cfg',
    'train_cfg.stages=5': 'stages',
    'train_cfg.stages.9.iters=5': 'stages',
    'train_cfg.stages.joint.iters=5': 'stages',
    'train_cfg.stages.0.iters=many': 'iters',
    'train_cfg.stages.0.iters=-5': 'iters',
    'train_cfg.stages.0.itres=5': 'itres',
    'train_dataloader.source.batch_size=0': 'batch_size',
    'train_dataloader.source.batch_size=4.5': 'batch_size',
    'train_dataloader.source.bacth_size=4': 'bacth_size',
    'train_dataloader.sorce.batch_size=4': 'sorce',
    'train_dataloader.source.dataset=5': 'dataset',
    'train_dataloader.source.dataset.split=test': 'split',
    'train_dataloader.source.num_workers=-1': 'num_workers',
    'optim_wrapper.G.lr=fast': 'lr',
    'optim_wrapper.G.lr=-1': 'lr',
    'optim_wrapper.G.lr=nan': 'lr',
    'optim_wrapper.X.lr=1e-4': 'optim_wrapper.X',
    'optim_wrapper.G.networks=[X]': 'networks',
    'discriminator.base_dim=8': 'discriminator',
    'data_roots.none=/data': 'none',
    'data_roots=5': 'data_roots',
    'randomness.seed=a': 'seed',
    'randomness.sede=1': 'sede',
    'randomness=5': 'randomness',
    'val_evaluator.type=Nothing': 'Nothing',
    'val_dataloader.target.dataset.transforms.0.size=8': 'size',
    'val_dataloader.target.dataset.transforms.0.size=[8]': 'size',
    'default_hooks.checkpoint.interval=often': 'interval',
    'default_hooks=5': 'default_hooks',
    'custom_imports.imports=[no_such_module]': 'custom_imports',
    'work_dir={no_such_root}/a': 'no_such_root',
    'resume=maybe': 'resume',
}


def case(rng: Random) -> Case:
    """An option of the command line."""
    return rng.choice((_value, _text, _nested, _refused, _refused))(rng)


def _loaded(options: list[str]) -> Any:
    args = parse('train', [str(CONFIG), '--cfg-options', *options])
    return load_config(args.config, args.cfg_options).env_cfg.get('note')


def _taken(text: str, expected: Any) -> Case:
    """Option whose value must be as expected, type included."""
    return Case(
        name=f'env_cfg.note={text!r}',
        world='options',
        build=lambda root: None,
        damage=lambda root: (root / 'damaged').write_text(text) and None,
        read=lambda root: _loaded(
            [f'env_cfg.note={text}' if (root / 'damaged').exists() else 'env_cfg.note=a']
        ),
        names=('is refused',),
        harmless=lambda result, undamaged: repr(result) == repr(expected),
    )


def _value(rng: Random) -> Case:
    text = rng.choice(list(VALUES))
    return _taken(text, VALUES[text])


def _text(rng: Random) -> Case:
    text = rng.choice('abcXYZ/~') + ''.join(rng.choices(LETTERS, k=rng.randrange(30))) + 'z'
    return _taken(text, text)


def _nested(rng: Random) -> Case:
    value = _structure(rng, 3)
    return _taken(_written(value), value)


def _structure(rng: Random, depth: int) -> Any:
    if depth == 3 or (depth and rng.random() < 0.6):
        return rng.choice((list, tuple))(
            _structure(rng, depth - 1) for _ in range(rng.randrange(1, 4))
        )
    return rng.choice((5, -1, 2.5, True, None, 'word', 'two words', 'a/b.png', 'with, comma'))


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        first, last = '[]' if isinstance(value, list) else '()'
        return first + ', '.join(map(_written, value)) + last
    return f'"{value}"' if isinstance(value, str) and ',' in value else str(value)


def _refused(rng: Random) -> Case:
    text = rng.choice(list(REFUSED))

    def read(root: Path) -> Any:
        if not (root / 'damaged').exists():
            return _loaded(['env_cfg.note=a'])
        return _trained_with(text, root)

    return Case(
        name=f'{text:.60}',
        world='options',
        build=lambda root: None,
        damage=lambda root: (root / 'damaged').write_text(text) and None,
        read=read,
        names=(REFUSED[text],),
        harmless=never,
    )


def _trained_with(text: str, root: Path) -> None:
    args = parse('train', [str(CONFIG), '--work-dir', str(root / 'work'), '--cfg-options', text])
    start(load_config(args.config, args.cfg_options), root)
