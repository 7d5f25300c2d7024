import html.parser
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from reidgen.datasets.records import Record
from reidgen.evaluation import ReIDMetric
from reidgen.evaluation.identification import nearest
from reidgen.files import write_json
from reidgen.reporting import write_report
from reidgen.reporting.charts import MAX_POINTS, thinned
from reidgen.reporting.curves import discriminator_losses, family
from reidgen.reporting.page import evaluation_rows, picture_series
from reidgen.reporting.queries import ScoredQuery, read_queries, write_queries
from reidgen.reporting.query_tables import camera_rows, shown_queries
from reidgen.reporting.run_files import read_run
from reidgen.structures import ImageBatch
from reidgen.visualization.activations import activation_maps

ODD = 'odd </script> & "name".jpg'  # the path of a query
BROWSER = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('chrome')


def write_run(folder, seed=0, pictures=True):
    """A work dir as a training and its evaluation leave one, with 12 queries and 30 images."""
    generator = torch.Generator().manual_seed(seed)
    folder.mkdir()
    images = folder.parent / 'images'
    images.mkdir(exist_ok=True)
    records = [Record(str(images / f'{row:02d}.jpg'), row % 5, row % 3) for row in range(42)]
    records[0] = records[0]._replace(path=str(images / ODD.replace('/', '_')))
    for record in records if pictures else []:
        Image.new('RGB', (64, 128), (50 * record.pid, 40 * record.camid, 90)).save(
            record.path, format='JPEG'
        )
    metric = ReIDMetric(num_shown=1000)
    metric.dataset_meta = dict(num_query=12, name='made')
    columns = (torch.tensor(each) for each in zip(*((r.pid, r.camid) for r in records)))
    features = nn.functional.normalize(torch.randn(42, 4, generator=generator), dim=1)
    pid, camid = columns
    batch = ImageBatch(None, pid=pid, camid=camid, index=torch.arange(42))
    metric.process(batch, features)
    metrics = metric.evaluate(42)
    (folder / 'test').mkdir()
    write_queries(folder / 'test/queries.json', metric.last, records, 12, 'made', 'protocol x')
    results = metrics | dict(checkpoint='a/stage_joint.pth', adabn=False, rerank=None, others={})
    write_json(folder / 'test/results.json', results)
    row = dict(stage='joint', title='all of it', iter=20, metrics=metrics, before=False)
    write_json(folder / 'evaluations.json', [dict(row, iter=10), row])
    write_json(folder / 'baselines.json', dict(joint=dict(direct=dict(mAP=12.3), adabn={})))
    log = folder / '20260101_000000/vis_data'
    log.mkdir(parents=True)
    lines = [
        {'step': step, 'G/loss': 3.0, 'D/loss_adv.D.real': 0.5, 'D/loss_adv.D.fake': 1.5 / step}
        for step in (1, 2, 3)
    ]
    (log / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    objective = dict(mode='bce', scales=1.0, guess=1.386, floor=0.0, span=1.0)
    fired = [dict(code='COLLAPSE', where='G', iter=3, value=0.01)]
    report = dict(verdict='collapsed', error=None, fired=fired, objective=objective)
    write_json(folder / 'diagnostics.json', report)
    (folder / 'grids').mkdir()
    for step in range(1, 31):
        Image.new('RGB', (30, 10)).save(folder / f'grids/generators_{step:06d}.png')
    (folder / 'made.py').write_text('x = "<b>"\n')
    return metric.last, records


@pytest.fixture
def run(tmp_path):
    """Work dir, evaluation and records."""
    return tmp_path / 'run', *write_run(tmp_path / 'run')


class Page(html.parser.HTMLParser):
    """Elements of a page, by name, with their attributes and their own text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ''])
        self._open.append(self.elements[-1])

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self._open[-1][2] += data

    def all(self, tag):
        return [(attrs, text) for name, attrs, text in self.elements if name == tag]

    def json(self):
        return [json.loads(text) for attrs, text in self.all('script') if 'type' in attrs]


def test_the_page_holds_each_query_with_its_list_and_needs_no_network(run, tmp_path):
    folder, evaluated, records = run
    write_report([folder], tmp_path / 'page.html', num_queries=4)
    text = (tmp_path / 'page.html').read_text()
    page = Page(text)
    queries, thumbnails = page.json()
    aps = evaluated.result.ap
    assert [q['ap'] for q in queries] == sorted(round(100 * ap, 1) for ap in aps[~np.isnan(aps)])
    for query in queries:
        row = [record.path for record in records].index(query['path'])
        ranked = evaluated.lists[row]
        assert [each[0] for each in query['ranked']] == [
            records[12 + column].path for column in ranked.gallery
        ]
        assert [each[3] for each in query['ranked']] == list(ranked.flags)
        assert query['first'] == evaluated.result.first_match[row]
    assert sum(query['path'] in thumbnails for query in queries) >= 4
    assert all(uri.startswith('data:image/jpeg;base64,') for uri in thumbnails.values())
    outside = [
        value
        for _, attrs, _ in page.elements
        for key, value in attrs.items()
        if key in ('src', 'href') and not value.startswith(('data:', '#'))
    ]
    assert outside == []
    assert [link['href'] for link, _ in page.all('a')] == [
        f'#{attrs["id"]}' for attrs, _ in page.all('section')
    ]
    assert 'x = "<b>"' in page.all('pre')[0][1]
    assert 'larger batch' in text  # what to do about a collapse


def test_scores_are_in_the_order_in_which_they_were_measured(run):
    rows = evaluation_rows(read_run(run[0]))
    assert [row.what for row in rows] == [
        'direct transfer', 'AdaBN', 'all of it', 'all of it', 'tested: stage_joint.pth'
    ]  # fmt: skip
    assert rows[0].metrics == dict(mAP=12.3)
    assert rows[-1].metrics['mAP'] == pytest.approx(100 * run[1].result.mAP)


def test_two_runs_side_by_side_name_the_queries_that_changed(run, tmp_path):
    write_run(tmp_path / 'other', seed=1)
    write_report([run[0], tmp_path / 'other'], tmp_path / 'page.html')
    text = (tmp_path / 'page.html').read_text()
    first, second = (
        read_queries(tmp_path / name / 'test/queries.json') for name in ('run', 'other')
    )
    gains = [100 * (after.ap - before.ap) for before, after in zip(first.queries, second.queries)]
    shown = [float(value) for value in re.findall(r'<td>([+-]\d+\.\d)</td>', text)]
    assert shown == [round(value, 1) for value in sorted(gains, reverse=True)]
    assert f'{sum(gain >= 1 for gain in gains)} are better' in text


def test_pictures_that_are_not_there_are_counted_and_told(tmp_path):
    write_run(tmp_path / 'run', pictures=False)
    write_report([tmp_path / 'run'], tmp_path / 'page.html')
    assert (
        'images could not be read where the evaluation had them'
        in (tmp_path / 'page.html').read_text()
    )


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='no folder'):
        write_report([tmp_path / 'none'], tmp_path / 'page.html')
    with pytest.raises(FileNotFoundError, match=r'holds no log .* no results\.json'):
        write_report([tmp_path], tmp_path / 'page.html')


@pytest.mark.parametrize(
    'content', ['{', '{"format": 2}', '{"format": 1, "images": [], "queries": [{"image": 3}]}']
)
def test_a_damaged_list_of_queries_is_refused_by_name(run, content):
    path = run[0] / 'test/queries.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=r'queries\.json is no list of scored queries'):
        read_run(run[0])


def test_of_many_grids_evenly_spaced_ones_are_kept_and_the_last(run):
    (series,) = picture_series(read_run(run[0]).grids)
    assert (series.name, len(series.iterations), series.iterations[-1]) == ('generators', 12, 30)
    assert set(np.diff(series.iterations)) == {2, 3}


def test_queries_with_pictures_are_the_worst_the_best_and_some_between():
    queries = [ScoredQuery(Record(str(n), n, 0), n / 100, 1, []) for n in range(100)]
    shown = [query.image.pid for query in shown_queries(queries, 8)]
    assert shown == [0, 1, 2, 3, 4, 51, 98, 99]
    assert shown_queries(queries, 200) == queries


def test_scores_of_a_camera_are_means_over_its_queries():
    queries = [
        ScoredQuery(Record('', 1, camid), ap, first, [])
        for camid, ap, first in [(0, 0.5, 2), (0, 1.0, 1), (3, 0.2, 4)]
    ]
    assert camera_rows(queries) == [
        dict(camera=1, num=2, mAP=pytest.approx(75.0), rank1=pytest.approx(50.0)),
        dict(camera=4, num=1, mAP=pytest.approx(20.0), rank1=0.0),
    ]


def test_a_long_curve_is_averaged_in_blocks():
    values = np.arange(2 * MAX_POINTS + 1, dtype=float)
    short = thinned(values)
    assert short[:2].tolist() == [1.0, 4.0]  # blocks of three
    assert short[-1] == values[-1]  # 601 = 200 blocks of three and one
    assert thinned(values[:5]).tolist() == values[:5].tolist()


@pytest.mark.parametrize(
    'name, title',
    [
        ('G/loss', 'G: weighed sum of losses'),
        ('D/loss_adv.Ds.real', 'D: adv'),
        ('G/loss_recon.s2s', 'G: recon'),
        ('E.lr', 'learning rates'),
        ('clusters/target/ari', 'clusters/target'),
        ('time', None),
        ('D/stat.D.p_real', None),
    ],
)
def test_terms_of_one_kind_share_a_chart(name, title):
    assert family(name) == title


def test_the_loss_of_a_discriminator_is_its_real_and_its_fake_term(run):
    from reidgen.engine.diagnosis import objective_of

    scalars = read_run(run[0]).scalars
    (curve,) = discriminator_losses(scalars, objective_of('bce')).values()
    assert curve[0].tolist() == [1, 2, 3]
    assert curve[1].tolist() == [2.0, 1.25, 1.0]


def test_the_nearest_images_are_those_of_a_stable_sort():
    distances = torch.randint(0, 6, (20, 50)).float()  # full of ties
    for top in (1, 10, 50, 60):
        expected = distances.argsort(dim=1, stable=True)[:, :top]
        assert torch.equal(nearest(distances, top), expected)


def test_an_activation_map_is_the_energy_of_the_last_feature_map():
    encoder = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    images = torch.rand(2, 3, 4, 3)
    maps = activation_maps(encoder, lambda: encoder(images))
    energy = nn.functional.conv2d(images, encoder[0].weight).square().sum(1)
    assert torch.allclose(maps, energy / energy.amax((1, 2), keepdim=True))
    with pytest.raises(ValueError, match='no feature map'):
        activation_maps(encoder[1:], lambda: encoder[1:](images))


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason='no Chromium to load the page in')
def test_a_browser_filters_queries_and_has_no_error(run, tmp_path):
    write_report([run[0]], tmp_path / 'page.html')
    script = """
    <script>
    const form = document.querySelector('.filter');
    const seen = [document.querySelector('.count').textContent];
    form.camera.value = '2'; form.dispatchEvent(new Event('input'));
    seen.push(document.querySelector('.count').textContent);
    seen.push(document.querySelectorAll('.list').length + ' lists');
    const range = document.querySelector('.series input');
    range.value = 0; range.dispatchEvent(new Event('input'));
    seen.push(document.querySelector('.series output').textContent);
    seen.push('pictures ' + document.querySelectorAll('.series img:not([hidden])').length);
    seen.push('wide ' + (document.documentElement.scrollWidth > window.innerWidth));
    document.title = seen.join('; ');
    </script>"""
    text = (tmp_path / 'page.html').read_text()
    (tmp_path / 'page.html').write_text(text.replace('</html>', script + '</html>'))
    done = subprocess.run(
        [BROWSER, '--headless=new', '--no-sandbox', '--disable-gpu', '--window-size=500,900',
         '--enable-logging=stderr', '--dump-dom', f'--user-data-dir={tmp_path}/browser',
         f'file://{tmp_path}/page.html'],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert 'CONSOLE' not in done.stderr, done.stderr
    title = re.search('<title>(.*?)</title>', done.stdout)[1]
    own = read_run(run[0]).queries.queries
    second = sum(query.image.camid == 1 for query in own)
    total = f'of {len(own)} queries'
    assert title == (
        f'{len(own)} {total}; {second} {total}; {second} lists; 2; pictures 1; wide false'
    )
