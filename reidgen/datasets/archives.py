"""Archives of published data sets, unpacked into the layouts that reidgen reads."""

import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from reidgen.datasets.cuhk03_release import write_cuhk03
from reidgen.datasets.market_layout import FOLDERS

SUFFIXES = ('.zip', '.tar', '.tar.gz', '.tgz', '.tar.bz2', '.tar.xz')
VERI = {
    'image_train': FOLDERS['train'],
    'image_query': FOLDERS['query'],
    'image_test': FOLDERS['gallery'],
}


class Layout(NamedTuple):
    """Layout of a published data set, known by what lies in its folder."""

    name: str
    marks: tuple[str, ...]  # glob patterns of files or folders that are all there
    dataset: str  # the class that reads it, with its arguments


LAYOUTS = (
    # Market-1501's folders, told from it by the frame behind the camera: 0002_c1_f0044158.jpg
    Layout('DukeMTMC-reID', (f'{FOLDERS["train"]}/*_c?_f*', FOLDERS['query'], FOLDERS['gallery']),
           'DukeMTMC root={root}'),
    Layout('Market-1501', tuple(FOLDERS[part] for part in ('train', 'query', 'gallery')),
           'Market1501 root={root}'),
    Layout('MSMT17', ('list_train.txt', 'list_query.txt', 'list_gallery.txt'),
           'MSMT17 root={root}'),
    Layout('VeRi-776', tuple(VERI), 'FolderReID root={root} layout=market'),
    Layout('CUHK03', ('cuhk-03.mat',), 'CUHK03 root={root}'),
)  # fmt: skip


def prepare(archive: str | Path, out: str | Path, protocol: str | Path | None = None) -> Layout:
    """Unpacks an archive, or takes an unpacked folder, and writes the layout that reidgen reads.

    Market-1501, DukeMTMC-reID and MSMT17 are unpacked as they are; folders of VeRi-776 take
    Market-1501's names; images of CUHK03's .mat file are written in the layout of CUHK03-NP.

    Args:
        archive: a .zip or .tar file, or a folder.
        out: of the data set; must not be there.
        protocol: folder with `cuhk03_new_protocol_config_detected.mat` and `..._labeled.mat` (Zhong
            et al., CVPR 2017); for CUHK03.

    Returns:
        the layout that was found.

    Raises:
        FileExistsError: `out` is there.
        FileNotFoundError: no such archive, or a file of CUHK03's protocol is missing.
        ValueError: it is no archive, is damaged or has a password, or holds no known layout.
    """
    archive, out = Path(archive), Path(out)
    if out.exists():
        raise FileExistsError(f'{out} is there: give another --out, or remove it')
    if not archive.exists():
        raise FileNotFoundError(f'no archive {archive}')
    part = out.with_name(out.name + '.part')
    shutil.rmtree(part, ignore_errors=True)  # of a run that was stopped
    try:
        with _unpacked(archive, part / 'archive') as folder:
            root, layout = find_layout(folder)
            made = part / 'made'
            WRITERS.get(layout.name, _as_it_is)(root, made, protocol, archive.is_dir())
        out.parent.mkdir(parents=True, exist_ok=True)
        made.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return layout


@contextmanager
def _unpacked(archive: Path, folder: Path) -> Iterator[Path]:
    """Folder with the content of an archive; no member lands outside, links are refused."""
    if archive.is_dir():
        yield archive
        return
    if not archive.name.lower().endswith(SUFFIXES):
        raise ValueError(f'{archive} is none of {", ".join(SUFFIXES)}, nor a folder')
    folder.mkdir(parents=True)
    try:
        if archive.name.lower().endswith('.zip'):
            with zipfile.ZipFile(archive) as file:
                file.extractall(folder)
        else:
            with tarfile.open(archive) as file:
                file.extractall(folder, filter='data')
    except RuntimeError as error:  # zipfile's for a password
        raise ValueError(f'{archive}: {error}; unpack it yourself and give the folder') from error
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise ValueError(f'{archive} is damaged: {error}; get it anew') from error
    yield folder


def find_layout(folder: Path) -> tuple[Path, Layout]:
    """The outermost folder that has a known layout.

    Raises:
        ValueError: there is none.
    """
    folders = [folder, *sorted((p for p in folder.rglob('*') if p.is_dir()), key=_depth)]
    for inner in folders:
        for layout in LAYOUTS:
            if all(any(inner.glob(mark)) for mark in layout.marks):
                return inner, layout
    known = '; '.join(f'{layout.name}: {", ".join(layout.marks)}' for layout in LAYOUTS)
    raise ValueError(
        f'no known layout in {folder.name}, which holds '
        f'{", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"}; known are {known}'
    )


def _depth(path: Path) -> tuple[int, Path]:
    return len(path.parts), path


def _as_it_is(root: Path, made: Path, protocol: str | Path | None, keep: bool) -> None:
    if keep:  # a folder of the user's stays
        shutil.copytree(root, made)
    else:
        root.rename(made)


def _veri(root: Path, made: Path, protocol: str | Path | None, keep: bool) -> None:
    _as_it_is(root, made, protocol, keep)
    for theirs, ours in VERI.items():
        (made / theirs).rename(made / ours)


def _cuhk03(root: Path, made: Path, protocol: str | Path | None, keep: bool) -> None:
    write_cuhk03(root / 'cuhk-03.mat', protocol, made)


WRITERS: dict[str, Callable[[Path, Path, str | Path | None, bool], None]] = {
    'VeRi-776': _veri,
    'CUHK03': _cuhk03,
}
