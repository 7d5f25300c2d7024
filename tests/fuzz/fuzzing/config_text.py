"""Damage to the text of configs, by suffix."""

from collections.abc import Callable
from random import Random

from .damage import BYTES

BOMB = 'a: &a [x, x, x, x, x, x, x, x, x]\n' + ''.join(
    f'{name}: &{name} [{", ".join([f"*{before}"] * 9)}]\n'
    for before, name in zip('abcdefgh', 'bcdefghi')
)
ANY: dict[str, Callable[[str, Random], str | bytes]] = {
    'cut short': lambda text, rng: text[: rng.randrange(1, len(text) * 9 // 10)].rstrip() + ' [',
    'a NUL byte': lambda text, rng: text.replace(' ', '\0', 1),
    'Latin-1': lambda text, rng: text.encode().replace(b'model', b'm\xf6del', 1),
    'a byte order mark': lambda text, rng: text.encode('utf-8-sig'),
    'UTF-16': lambda text, rng: text.encode('utf-16'),
    'empty': lambda text, rng: '',
    'random bytes': lambda text, rng: rng.randbytes(200),
    'gzipped': lambda text, rng: BYTES['gzipped'](text.encode(), rng),
    'a web page': lambda text, rng: BYTES['a web page'](b'', rng),
    'a lone quote': lambda text, rng: text + "\n'",
    'lists without end': lambda text, rng: 'x = ' * text.startswith('model') + '[' * 50_000,
}
SYNTAX: dict[str, dict[str, Callable[[str, Random], str | bytes]]] = {
    '.py': ANY
    | {
        'a name that is not there': lambda text, rng: text + 'x = y\n',
        'a division by zero': lambda text, rng: text + 'x = 1 / 0\n',
        'a module that is not there': lambda text, rng: 'import no_such_module\n' + text,
        'a key that is not there': lambda text, rng: text + "x = model['no_such_key']\n",
        'a base that is not there': lambda text, rng: "_base_ = ['none.py']\n" + text,
        'itself as base': lambda text, rng: "_base_ = ['config.py']\n" + text,
        'a number as base': lambda text, rng: '_base_ = 5\n' + text,
        'a list of numbers as bases': lambda text, rng: '_base_ = [5]\n' + text,
        'no list of imports': lambda text, rng: text + "custom_imports = 'tiny_networks'\n",
        'imports that are not there': lambda text, rng: (
            text + "custom_imports = dict(imports=['no_such_module'])\n"
        ),
        'a reserved name': lambda text, rng: text + "filename = 'x'\n",
        'tabs and spaces': lambda text, rng: text + 'if True:\n\tx = 1\n        y = 2\n',
        'a raise': lambda text, rng: text + "raise KeyError('model')\n",
        'sys.exit': lambda text, rng: text + 'import sys\nsys.exit()\n',
        'a data root that is not there': lambda text, rng: text + "x = '{none}/market'\n",
        'model misspelt': lambda text, rng: text.replace('model =', 'modle =', 1),
        'train_cfg misspelt': lambda text, rng: text.replace('train_cfg =', 'train_cgf =', 1),
    },
    '.json': ANY
    | {
        'a list': lambda text, rng: f'[{text}]',
        'a number': lambda text, rng: '5',
        'null': lambda text, rng: 'null',
        'a comma at the end': lambda text, rng: text.rstrip()[:-1] + ',}',
        'single quotes': lambda text, rng: text.replace('"', "'"),
        'a comment': lambda text, rng: '// a config\n' + text,
        'a key twice': lambda text, rng: text.rstrip()[:-1] + ',"randomness": {"seed": 7}}',
        'a key twice within': lambda text, rng: text.replace(
            '"iters": 7', '"iters": 7, "iters": 2'
        ),
        'two objects': lambda text, rng: text + text,
        'a base that is not there': lambda text, rng: '{"_base_": "none.json",' + text[1:],
    },
    '.yaml': ANY
    | {
        'a list': lambda text, rng: '- a\n- b\n',
        'a number': lambda text, rng: '5\n',
        'a tag of Python': lambda text, rng: text + 'x: !!python/object/apply:os.getcwd []\n',
        'an unknown tag': lambda text, rng: text + 'x: !thing 5\n',
        'tabs': lambda text, rng: text.replace('  ', '\t'),
        'a key twice': lambda text, rng: text + 'randomness: {seed: 7}\n',
        'a key twice within': lambda text, rng: text.replace(
            'iters: 7\n', 'iters: 7\n    iters: 2\n', 1
        ),
        'a list as key': lambda text, rng: text + '? [a, b]\n: 5\n',
        'a number as key': lambda text, rng: text + '5: 5\n',
        'a list in itself': lambda text, rng: text + 'x: &x [*x]\n',
        'a bomb of aliases': lambda text, rng: text + BOMB,
        'two documents': lambda text, rng: text + '---\n' + text,
        'an anchor that is not there': lambda text, rng: text + 'x: *none\n',
        'a base that is not there': lambda text, rng: '_base_: none.yaml\n' + text,
    },
}
