"""The page of `reidgen demo`, driven in a headless browser."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reidgen
from tests.doc_snippets import ROOT
from tests.reporting.test_html_report import BROWSER

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason='no Chromium to load the page in'),
    pytest.mark.skipif(not find_spec('gradio'), reason="no gradio: pip install -e '.[demo]'"),
]
SECONDS = 180  # until the page is served
START = 'import tiny_networks; from reidgen.cli import main; main()'  # the model's networks


@pytest.fixture(scope='module')
def address(generators, pictures, tmp_path_factory):
    """Address of a page that is served by the command."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    path = os.pathsep.join([str(ROOT), str(ROOT / 'tests/engine')])
    given = ['--gallery', str(pictures), '--model', str(generators), '--port', str(port)]
    log = tmp_path_factory.mktemp('demo') / 'log.txt'
    with open(log, 'w') as out:
        server = subprocess.Popen(
            [sys.executable, '-c', START, 'demo', '--no-browser', *given],
            stdout=out, stderr=out, env=os.environ | {'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'},
        )  # fmt: skip
    try:
        until = time.monotonic() + SECONDS
        while 'Running on' not in log.read_text():
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        assert 'public' not in log.read_text()  # no advice to publish the pictures
        yield f'http://127.0.0.1:{port}'
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def page(address):
    """The page at a phone's width; what it asks for elsewhere, and errors, fail the test."""
    sync_api = pytest.importorskip(
        'playwright.sync_api', reason='playwright is not installed: pip install playwright'
    )
    wrong: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=['--no-sandbox'])
        opened = browser.new_page(viewport=dict(width=400, height=900))
        opened.set_default_timeout(60_000)
        opened.on(
            'request',
            lambda r: r.url.startswith((address, 'data:', 'blob:')) or wrong.append(r.url),
        )
        opened.on('console', lambda m: wrong.append(m.text) if m.type == 'error' else None)
        opened.goto(address)
        yield opened
        browser.close()
    assert wrong == []


def give(page, tab: str, button: str, files: list, folder: Path) -> None:
    """Opens a tab, gives it copies of files and presses its button."""
    page.get_by_role('tab', name=tab).click()
    panel = page.get_by_role('tabpanel').filter(visible=True)
    for number, file in enumerate(files):
        copy = Path(shutil.copy(file, folder / f'given_{number}.png'))  # no name of the gallery
        panel.locator('input[type=file]').nth(number).set_input_files(copy)
        panel.locator(f'img[src*="{copy.name}"]').wait_for()
    panel.get_by_role('button', name=button, exact=True).click()


def shown(page, label: str) -> np.ndarray:
    """Pixels of the result with a label, once it is there."""
    image = page.locator(f'.block:has-text("{label}") img:visible').last
    image.wait_for()
    return np.asarray(Image.open(io.BytesIO(page.request.get(image.get_attribute('src')).body())))


def test_a_search_shows_the_query_itself_first_at_a_phones_width(page, pictures, tmp_path):
    query = sorted(pictures.rglob('*.png'))[3]
    give(page, 'Search', 'Search', [query], tmp_path)
    captions = page.locator('.caption-label')
    captions.first.wait_for()
    assert captions.count() == 8
    assert captions.first.inner_text().endswith(f'1.00 {query.name}')
    assert page.evaluate('document.documentElement.scrollWidth') <= 400
    whole = 'each => each.scrollWidth <= each.clientWidth'  # nothing of a name is cut off
    assert captions.first.evaluate(whole)


def test_a_translation_is_that_of_the_model(page, generators, pictures, tmp_path):
    query = sorted(pictures.rglob('*.png'))[0]
    give(page, 'Translate', 'Translate', [query], tmp_path)
    (expected,) = reidgen.load(generators, 'cpu').translate(query, 'target')
    found = shown(page, 'In the style of the domain')
    assert np.array_equal(found, expected.permute(1, 2, 0).numpy())
    # of pictures that are to stay on the machine
    assert page.get_by_label('Download').or_(page.get_by_title('Download')).count()
    assert page.get_by_label('Share').or_(page.get_by_title('Share')).count() == 0


def test_two_persons_are_swapped_both_ways(page, generators, pictures, tmp_path):
    first, second = sorted(pictures.rglob('*.png'))[:2]
    give(page, 'Swap', 'Swap', [first, second], tmp_path)
    expected = reidgen.load(generators, 'cpu').swap(first, second, 'target')
    for label, image in zip(('A with the', 'B with the'), expected):
        assert np.array_equal(shown(page, label), image.permute(1, 2, 0).numpy())


def test_a_picture_of_the_gallery_is_given_by_a_click_and_found_as_it_is(page, pictures):
    panel = page.get_by_role('tabpanel').filter(visible=True)
    panel.locator('button.gallery-item, .gallery button').nth(2).click()
    panel.locator('.image-container img, [data-testid="image"] img').first.wait_for()
    panel.get_by_role('button', name='Search', exact=True).click()
    captions = page.locator('.caption-label')
    captions.first.wait_for()
    assert captions.first.inner_text().startswith('1. 1.00 ')


def test_no_file_of_the_machine_is_served(address, pictures):
    picture = sorted(pictures.rglob('*.png'))[0]
    secret = picture.with_name('secret.txt')
    secret.write_text('secret')
    for path in (picture, secret):
        with pytest.raises(urllib.error.HTTPError, match='403'):
            urllib.request.urlopen(f'{address}/gradio_api/file={path}')
    secret.unlink()


def test_a_search_without_a_picture_says_what_is_missing(page):
    page.get_by_role('button', name='Search', exact=True).click()
    page.get_by_text('Give a picture of the person to find first.').wait_for()
