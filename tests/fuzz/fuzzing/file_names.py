"""Names, folders and roots of data sets that are not as their layout wants them."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from .case import Case
from .damage import ENTRIES, replace_entry
from .datasets import (
    LAYOUTS,
    Layout,
    images_of,
    open_dataset,
    rows,
    same_but_names,
    write_dataset,
)

# another name for 0002_c1s1_000451_03.jpg; a name that says nothing wrong is read as it says
RENAMED: dict[str, Callable[[str], str]] = {
    'no camera': lambda name: re.sub('_c[0-9]', '', name),
    'camera of 20 digits': lambda name: re.sub('_c[0-9]', f'_c{10**19}', name),
    'camera -1': lambda name: re.sub('_c[0-9]', '_c-1', name),
    'camera in capitals': lambda name: name.replace('_c', '_C'),
    'identity in words': lambda name: re.sub('^[0-9]+', 'anna', name),
    'identity of 30 digits': lambda name: re.sub('^[0-9]+', '9' * 30, name),
    'identity 1e3': lambda name: re.sub('^[0-9]+', '1e3', name),
    'identity +2': lambda name: '+' + name,
    'identity with a space': lambda name: ' ' + name,
    'identity -2': lambda name: re.sub('^[0-9]+', '-2', name),
    'no identity': lambda name: re.sub('^[0-9]+', '', name),
    'letter behind the camera': lambda name: re.sub('_c([0-9]).', r'_c\1x', name),
    'a line break': lambda name: name.replace('_', '\n', 1),
    'hidden': lambda name: '.' + name,
    'an unknown suffix': lambda name: name.replace('.jpg', '.gif'),
    'a suffix twice': lambda name: name + '.part',
    'no suffix': lambda name: name.replace('.jpg', ''),
    'suffix in capitals': lambda name: name.replace('.jpg', '.JPG'),
    'bytes that are no UTF-8': lambda name: name.replace('.jpg', os.fsdecode(b'\xff\xfe.jpg')),
    'full-width digits': lambda name: name.replace('000', '\uff10\uff10\uff10', 1),
    'an accent': lambda name: name.replace('.jpg', '\u0301\u00e9.jpg'),
    'a quote and a comma': lambda name: name.replace('.jpg', '",".jpg'),
    '240 characters': lambda name: name.replace('.jpg', f'{"x" * 220}.jpg'),
}
# outside the range of a published data set
OUT_OF_RANGE: dict[str, Callable[[str], str]] = {
    'camera 0': lambda name: re.sub('_c[0-9]', '_c0', name),
    'camera 12': lambda name: re.sub('_c[0-9]', '_c12', name),
    'camera 99': lambda name: re.sub('_c[0-9]', '_c99', name),
}


def _no_folder(folder: Path) -> None:
    for path in sorted(folder.rglob('*'), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def _empty_folder(folder: Path) -> None:
    _no_folder(folder)
    folder.mkdir()


def _file_for_folder(folder: Path) -> None:
    _no_folder(folder)
    folder.write_bytes(b'')


def _linked_to_itself(folder: Path) -> None:
    _no_folder(folder)
    folder.symlink_to(folder.name)


FOLDERS: dict[str, Callable[[Path], None]] = {
    'is missing': _no_folder,
    'is empty': _empty_folder,
    'is a file': _file_for_folder,
    'is a link to itself': _linked_to_itself,
    'is called otherwise': lambda folder: folder.rename(folder.with_name(f'{folder.name} (1)')),
}
ADDED = {  # beside the pictures
    'Thumbs.db': b'cache',
    '.DS_Store': b'Mac',
    'README': b'read me',
    '._0002_c1s1_000451_03.jpg': b'fork of a Mac',
    '0002_c1s1_000451_03.jpg.part': b'half',
    '@eaDir/0002_c1s1_000451_03.jpg': b'copy of a network disk',
    '.thumbnails/0002_c1s1_000451_03.jpg': b'small',
}
# what is given for the folder, by the key's name in the error
ROOTS = {
    'a number': 5,
    'an empty text': '',
    'spaces': '  ',
    'a NUL character': 'data\0set',
    'an empty list': [],
    'a list of numbers': [1, 2],
    'None': None,
    'bytes': b'data',
    'a dict': {'root': 'data'},
    'another folder': '/no/such/root',
    'two other folders': ['/no/such/root', 'neither/here'],
    'a name of 5000 letters': 'root' * 1250,
}


def case(rng: Random) -> Case:
    """Damage to the names of a data set."""
    title = rng.choice(list(LAYOUTS))
    make = rng.choice((_renamed, _renamed, _entry, _entry, _folder, _added, _root))
    return make(title, LAYOUTS[title], rng)


def _of(title: str, layout: Layout, split: str, name: str, damage, names, **kwargs) -> Case:
    return Case(
        name=f'{title} {split}: {name}',
        world=f'{title} {split}',
        build=lambda root: write_dataset(root, layout),
        damage=damage,
        read=kwargs.pop('read', lambda root: rows(open_dataset(root, layout, split), root)),
        names=names,
        **kwargs,
    )


def _split(rng: Random) -> str:
    return rng.choice(('train', 'query', 'gallery'))


def _renamed(title: str, layout: Layout, rng: Random) -> Case:
    closed = layout.type in ('Market1501', 'DukeMTMC', 'CUHK03')
    how, new_name = rng.choice([*RENAMED.items(), *(OUT_OF_RANGE.items() if closed else ())])
    split, which = _split(rng), rng.randrange(100)

    def damage(root: Path) -> None:
        images = images_of(root, layout, split)
        path = images[which % len(images)]
        path.rename(path.with_name(new_name(path.name)))

    names = ('_000451_', '_0008', '_c', '_C', '000', '.jpg')
    return _of(title, layout, split, f'a name with {how}', damage, names, harmless=same_but_names)


def _entry(title: str, layout: Layout, rng: Random) -> Case:
    how, split, which = rng.choice(list(ENTRIES)), _split(rng), rng.randrange(100)

    def damage(root: Path) -> None:
        images = images_of(root, layout, split)
        replace_entry(images[which % len(images)], how)

    return _of(title, layout, split, f'{how} for a picture', damage, ('.jpg', 'bounding', 'query'))


def _folder(title: str, layout: Layout, rng: Random) -> Case:
    how, split = rng.choice(list(FOLDERS)), _split(rng)

    def damage(root: Path) -> None:
        folder = images_of(root, layout, split)[0].parent
        FOLDERS[how](folder.parent if layout.msmt else folder)

    names = ('bounding_box', 'query', 'gallery', 'train', 'test')
    return _of(
        title,
        layout,
        split,
        f'a folder {how}',
        damage,
        names,
        # a flat folder is what is in it
        harmless=same_but_names if layout.type != 'FolderReID' else _subset,
    )


def _subset(result: list[tuple], undamaged: list[tuple]) -> bool:
    return {row[1:] for row in result} <= {row[1:] for row in undamaged}


def _added(title: str, layout: Layout, rng: Random) -> Case:
    name, split = rng.choice(list(ADDED)), _split(rng)

    def damage(root: Path) -> None:
        path = images_of(root, layout, split)[0].parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(ADDED[name])

    return _of(title, layout, split, f'{name} beside the pictures', damage, (name,))


def _root(title: str, layout: Layout, rng: Random) -> Case:
    how, split = rng.choice(list(ROOTS)), _split(rng)

    def read(root: Path) -> list[tuple]:
        if (root / 'damaged').exists():
            return rows(open_dataset(ROOTS[how], layout, split), root)
        return rows(open_dataset(root, layout, split), root)

    def damage(root: Path) -> None:
        (root / 'damaged').write_text(how)

    case = _of(title, layout, split, f'root is {how}', damage, ('root', 'Root'), read=read)
    return case
