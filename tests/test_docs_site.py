"""The site of docs/: it builds without a warning, and its pages need nothing from outside it."""

import html.parser
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.doc_snippets import ROOT

pytestmark = pytest.mark.slow


class Links(html.parser.HTMLParser):
    """Links of a page by the element that they stand in, and its anchors."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.anchors.add(named.get('id'))
        self.links += [(tag, named[key]) for key in ('href', 'src') if named.get(key)]


@pytest.fixture(scope='module')
def site(tmp_path_factory) -> dict[Path, Links]:
    """Built pages by path."""
    pytest.importorskip('material', reason="no mkdocs-material: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp('site')
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(folder)]
    quiet = os.environ | dict(NO_MKDOCS_2_WARNING='1')
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'WARNING' not in done.stderr
    return {path: Links(path.read_text()) for path in sorted(folder.rglob('*.html'))}


def test_the_site_begins_with_the_readme_and_has_every_page_of_docs(site):
    (top,) = [path.parent for path in site if path.name == '404.html']
    assert 'two-commands' in site[top / 'index.html'].anchors
    pages = [path.relative_to(ROOT / 'docs') for path in (ROOT / 'docs').rglob('*.md')]
    assert [page for page in pages if top / page.with_suffix('.html') not in site] == []


def test_every_link_of_the_site_leads_to_a_file_and_an_anchor_of_it(site):
    checked = 0
    for page, found in site.items():
        for _, link in found.links:
            parts = urlsplit(link)
            if parts.scheme or link.startswith('//') or page.name == '404.html':
                continue
            there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert there.is_file(), f'{page} links to {link}'
            if parts.fragment and there in site:
                anchors = site[there].anchors
                assert unquote(parts.fragment) in anchors, f'{page} links to {link}'
            checked += 1
    assert checked > 1000


def test_pages_load_nothing_from_a_network(site):
    loaded = [
        (page.name, tag, link)
        for page, found in site.items()
        for tag, link in found.links
        if tag in ('link', 'script', 'img', 'iframe') and link.startswith(('http', '//'))
    ]
    assert loaded == []
