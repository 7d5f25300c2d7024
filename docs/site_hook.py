"""Hook of MkDocs: pages of docs/ with the files of the repository that they link to.

The README is the first page. A page of Markdown outside docs/ that a page links to becomes a page
under its own path; a picture is copied; the text of any other file, and the list of a folder, are
pages below repository/. So the pages are written for GitHub and the site has no dead link.
"""

import posixpath
import re
from pathlib import Path, PurePosixPath

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ('.png', '.jpg', '.svg')
LINK = re.compile(r'(!?\[[^\]]*\]\()([^)\s#]*)(#[^)]*)?\)')
CODE = re.compile(r'(^```.*?^```$)', re.DOTALL | re.MULTILINE)


def on_config(config):
    """Expands the patterns of the navigation, `results/*.md`, into the pages that are there."""
    config.nav = [
        {title: _pages(entry) if isinstance(entry, str) and '*' in entry else entry}
        for section in config.nav
        for title, entry in section.items()
    ]
    return config


def on_files(files: Files, config) -> Files:
    """Adds the README and, one after the other, all that is linked to outside docs/."""
    waiting = ['README.md', *(f'docs/{file.src_uri}' for file in files.documentation_pages())]
    known = set(waiting)
    while waiting:
        path = waiting.pop()
        if files.get_file_from_path(site_path(path)) is None:
            files.append(_made(path, config))
        if path.endswith('.md'):
            found = linked_files(path) - known
            known |= found
            waiting += sorted(found)
    return files


def on_page_markdown(markdown: str, page, config, files: Files) -> str:
    """Points links to repository files at their places in the site."""
    here = page.file.src_uri
    path = _repository_path(here)
    if path is None:  # made here, without links of others
        return markdown

    def replaced(match: re.Match) -> str:
        linked = _target(path, match[2])
        if linked is None:
            return match[0]
        there = posixpath.relpath(site_path(linked), posixpath.dirname(here))
        return f'{match[1]}{there}{match[3] or ""})'

    parts = CODE.split(markdown)  # odd ones are code
    parts[::2] = [LINK.sub(replaced, part) for part in parts[::2]]
    return ''.join(parts)


def site_path(path: str) -> str:
    """Place in the site of a file or folder of the repository, both relative."""
    place = PurePosixPath(path)
    if path == 'README.md':
        return 'index.md'
    if place.parts[0] == 'docs' and place.suffix:
        return str(place.relative_to('docs'))
    if place.suffix == '.md':
        return path
    if place.suffix in PICTURES:
        return path.lstrip('.')  # hosts of pages leave out hidden folders
    return f'repository/{path.lstrip(".")}.md'


def _repository_path(src_uri: str) -> str | None:
    """The file that a page of the site is made of; None: it is made here."""
    if src_uri.startswith('repository/'):
        return None
    if src_uri == 'index.md':
        return 'README.md'
    return f'docs/{src_uri}' if (ROOT / 'docs' / src_uri).is_file() else src_uri


def linked_files(path: str) -> set[str]:
    """Files and folders of the repository that a page links to."""
    text = CODE.sub('', (ROOT / path).read_text(encoding='utf-8'))
    return {_target(path, link) for _, link, _ in LINK.findall(text)} - {None}


def _target(path: str, link: str) -> str | None:
    """Path in the repository that a link of a page leads to; None: nowhere in it."""
    if not link or '://' in link or link.startswith('mailto:'):
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    if (ROOT / target / 'README.md').is_file() and target != '.':
        target = f'{target}/README.md'
    return target if (ROOT / target).exists() else None


def _made(path: str, config) -> File:
    """File of the site for a file or folder outside docs/."""
    place, there = ROOT / path, site_path(path)
    if place.suffix == '.md' or place.suffix in PICTURES:
        return File.generated(config, there, abs_src_path=str(place))
    if place.is_dir():
        names = sorted(each.name for each in place.iterdir() if each.suffix in ('.md', '.py'))
        listed = [site_path(f'{path}/{name}') for name in names if name.endswith('.md')]
        rows = [f'- [{Path(x).stem}]({posixpath.relpath(x, Path(there).parent)})' for x in listed]
        return File.generated(config, there, content='\n'.join([f'# {path}', '', *rows]))
    code = place.read_text(encoding='utf-8')
    return File.generated(
        config, there, content=f'# {path}\n\n````{_language(place)}\n{code}\n````\n'
    )


def _language(place: Path) -> str:
    return {'.py': 'python', '.yml': 'yaml', '.cff': 'yaml'}.get(place.suffix, 'text')


def _pages(pattern: str) -> list[str]:
    """Pages of docs/, or of the repository, that fit a pattern of the navigation."""
    base = ROOT / 'docs' if (ROOT / 'docs' / pattern.partition('/')[0]).is_dir() else ROOT
    return [path.relative_to(base).as_posix() for path in sorted(base.glob(pattern))]
