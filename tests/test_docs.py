"""docs/: snippets run, files exist, tables are complete and current."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.doc_snippets import ROOT, few_iterations, run, snippet, write_snippets
from tools.benchmarks.results_table import render

DOCS = ROOT / 'docs'
EXTENDING, STARTED = DOCS / 'extending.md', DOCS / 'getting_started.md'
USING = DOCS / 'using_models.md'
PAGES = sorted(
    [*DOCS.rglob('*.md'), *(ROOT / 'examples').rglob('*.md')]
    + [ROOT / 'README.md', ROOT / 'CHANGELOG.md', ROOT / 'CONTRIBUTING.md']
)
RESULTS = sorted((DOCS / 'results').glob('*.json'))
TRAIN = ['-m', 'reidgen.cli', 'train']
MEASURED = dict(config='a.py', command='run', seed=0, hardware='a CPU', commit='not recorded')


# ---- snippets ----


@pytest.mark.slow
def test_discriminator_and_loss_of_the_page_train(tmp_path):
    write_snippets(EXTENDING, ['my_discriminator.py', 'my_experiment.py'], tmp_path)
    output = run([*TRAIN, 'my_experiment.py', *few_iterations(3)], tmp_path)
    assert 'direct transfer' in (tmp_path / 'work_dirs/my_experiment/report.md').read_text()
    assert 'D/loss_adv.Dt.real' in output


@pytest.mark.slow
def test_model_of_the_page_trains(tmp_path):
    write_snippets(EXTENDING, ['my_model.py', 'my_model_config.py'], tmp_path)
    output = run([*TRAIN, 'my_model_config.py'], tmp_path)
    losses = [float(value) for value in re.findall(r'G/loss_keep\.s: (\d+\.\d+)', output)]
    assert losses[-1] < losses[0]
    work_dir = tmp_path / 'work_dirs/my_model_config'
    assert (work_dir / 'stage_translation.pth').is_file()
    assert list((work_dir / 'grids').iterdir())


@pytest.mark.slow
def test_translator_of_the_page_writes_a_data_set(tmp_path):
    write_snippets(EXTENDING, ['my_translator.py'], tmp_path)
    run(['my_translator.py'], tmp_path)
    pictures = sorted((tmp_path / 'darker').glob('*.png'))
    assert len(pictures) == 32
    stamp = json.loads((tmp_path / 'darker/translation.json').read_text())
    assert (stamp['translator']['name'], stamp['style']) == ('darker', 1)


@pytest.mark.slow
def test_backbone_of_the_page_trains(tmp_path):
    pytest.importorskip('timm', reason="timm is not installed: pip install -e '.[timm]'")
    write_snippets(EXTENDING, ['my_backbone_config.py'], tmp_path)
    run([*TRAIN, 'my_backbone_config.py', *few_iterations(3)], tmp_path)
    work_dir = tmp_path / 'work_dirs/my_backbone_config'
    assert '**direct transfer**' in (work_dir / 'report.md').read_text()


@pytest.mark.slow
def test_data_set_of_the_page_trains(tmp_path):
    write_snippets(EXTENDING, ['my_dataset.py', 'my_dataset_config.py'], tmp_path)
    for split, persons in dict(train=(1, 2), query=(3, 4), gallery=(3, 4)).items():
        for person in persons:
            for number in range(4):
                camera = 1 if split == 'query' else 2
                path = tmp_path / f'station/{split}/{person}/{camera}_{number}.jpg'
                write_picture(path, 10 * person + number)
    run([*TRAIN, 'my_dataset_config.py', *few_iterations(3)], tmp_path)
    assert 'joint' in (tmp_path / 'work_dirs/my_dataset_config/report.md').read_text()


@pytest.mark.slow
def test_own_pictures_to_ranked_lists(tmp_path):
    for person in range(1, 5):
        for camera in (1, 2):
            write_picture(tmp_path / f'crops/{person:04d}_c{camera}_000.jpg', person)
    write_snippets(STARTED, ['my_cameras.py', 'find_persons.py'], tmp_path)
    # as the page says: rows of three splits
    rows = [f'{p:04d}_c{c}_000.jpg,{p},{c},{s}' for s, p, c in SPLIT_ROWS]
    (tmp_path / 'crops/list.csv').write_text('\n'.join(['path,pid,camid,split', *rows]))
    text = (tmp_path / 'my_cameras.py').read_text()
    smaller = dict(gcl_mot2pets='gcl_smoke', synth_a='source') | {'=120': '=8', '=1234': '=32'}
    for name, value in smaller.items():
        assert text.count(name) == 1
        text = text.replace(name, value)
    (tmp_path / 'my_cameras.py').write_text(text)
    options = [*few_iterations(3), 'model.cross_pose=own']
    run([*TRAIN, 'my_cameras.py', *options], tmp_path)
    checkpoint = 'work_dirs/my_cameras/stage_joint.pth'
    shell = dict(CONFIG='my_cameras.py', CHECKPOINT=checkpoint)
    for command in bash_lines(STARTED, ('reidgen extract', 'reidgen search')):
        for name, value in shell.items():
            command = command.replace(name, value)
        command = command.replace('person.jpg', 'crops/0001_c1_000.jpg')
        run(['-m', 'reidgen.cli', *command.split()[1:]], tmp_path)
    assert json.loads((tmp_path / 'found/results.json').read_text())
    (tmp_path / 'person.jpg').write_bytes((tmp_path / 'crops/0003_c1_000.jpg').read_bytes())
    listed = dict(line.split() for line in run(['find_persons.py'], tmp_path).splitlines()[-5:])
    # found as nearest to itself; the root of a rounding error is a thousandth
    assert float(listed['0003_c1_000.jpg']) < 0.01


@pytest.mark.slow
def test_a_trained_model_is_used_as_the_page_says(tmp_path):
    for seed, name in enumerate('abc'):
        write_picture(tmp_path / f'{name}.jpg', seed)
    write_snippets(USING, ['use_a_model.py'], tmp_path)
    lines = run(['use_a_model.py'], tmp_path).splitlines()
    assert lines[0].startswith('gcl_synth: images 128 x 64')
    assert re.fullmatch(r'(True|False) [01]\.\d\d -?[01]\.\d{3}', lines[-3])
    assert sorted(line.split()[0] for line in lines[-2:]) == ['b.jpg', 'c.jpg']
    (tmp_path / 'crops').mkdir()
    (tmp_path / 'a.jpg').rename(tmp_path / 'crops/a.jpg')
    (tmp_path / 'a.jpg').write_bytes((tmp_path / 'b.jpg').read_bytes())
    starts = 'reidgen models ', 'reidgen compare', 'reidgen extract', 'reidgen search'
    for command in bash_lines(USING, starts):
        # cameras: tests/inference/test_camera_files.py
        if not any(word in command for word in ('.safetensors', 'CONFIG', '--camera')):
            run(['-m', 'reidgen.cli', *command.split()[1:]], tmp_path)
    assert json.loads((tmp_path / 'found/results.json').read_text())['num_gallery'] == 1


SPLIT_ROWS = [
    *(('train', person, camera) for person in (1, 2) for camera in (1, 2)),
    *(('query', person, 1) for person in (3, 4)),
    *(('gallery', person, 2) for person in (3, 4)),
]


def write_picture(path: Path, seed: int) -> None:
    """Noise of 64 x 32 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def bash_lines(page: Path, starts: tuple[str, ...]) -> list[str]:
    """Commands of a page's bash blocks, continued lines joined, that begin so."""
    blocks = re.findall(r'```bash\n(.*?)```', page.read_text(), re.DOTALL)
    lines = '\n'.join(blocks).replace('\\\n', ' ').splitlines()
    found = [line.partition(' #')[0] for line in lines if line.startswith(starts)]
    assert len(found) >= len(starts)
    return found


# ---- pages ----


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page):
    text = re.sub(r'```.*?```', '', page.read_text(encoding='utf-8'), flags=re.DOTALL)
    for target in re.findall(r'\]\(([^)]+)\)', text):
        path, _, anchor = target.partition('#')
        if path.startswith('http'):
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f'{page.name} links to {target}'
        if anchor:
            headings = re.findall(r'^#+ (.*)$', there.read_text(encoding='utf-8'), re.MULTILINE)
            assert anchor in map(anchor_of, headings), f'{page.name} links to {target}'


def anchor_of(heading: str) -> str:
    """GitHub's name of a heading."""
    return re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')


# the changelog names what was renamed
@pytest.mark.parametrize(
    'page',
    [page for page in PAGES if page.name != 'CHANGELOG.md'],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_files_that_a_page_names_exist(page):
    named = re.findall(
        r'(?<![\w/.{])(?:reidgen|tools|configs|projects|tests|examples)/[\w/.]*\w',
        page.read_text(encoding='utf-8'),
    )
    placeholder = re.compile(r'/(NAME|COMMAND)\b')
    missing = [
        name
        for name in sorted(set(named))
        if not (placeholder.search(name) or (ROOT / name).exists())
    ]
    assert missing == []


def test_every_config_stands_in_the_list_of_configs_once():
    there = [
        *(ROOT / 'configs').glob('*.py'),
        *(ROOT / 'configs/baselines').glob('*.py'),
        *(ROOT / 'projects').glob('*/configs/*.py'),
    ]
    rows = re.findall(r'^\| `([\w/]+\.py)` \|', (DOCS / 'configs.md').read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(str(path.relative_to(ROOT)) for path in there)


def test_classes_and_functions_that_the_tour_names_are_in_the_files_that_it_names():
    text = (DOCS / 'design.md').read_text()
    named = re.findall(r'`(reidgen/[\w/]+\.py)`: ((?:`[\w.]+`(?:, )?)+)', text)
    assert len(named) > 10
    for path, names in named:
        tree = ast.parse((ROOT / path).read_text())
        defined = {
            n.name for n in ast.walk(tree) if hasattr(n, 'name') and not hasattr(n, 'asname')
        }
        for name in re.findall(r'`([\w.]+)`', names):
            assert set(name.split('.')) <= defined, f'{path} has no {name}'


# ---- results ----


@pytest.mark.parametrize('path', RESULTS, ids=lambda path: path.stem)
def test_page_of_results_is_what_its_json_says(path):
    fix = 'run tools/benchmarks/results_table.py'
    assert path.with_suffix('.md').read_text(encoding='utf-8') == render(path), fix


def test_every_page_of_results_has_its_json():
    pages = {path.stem for path in (DOCS / 'results').glob('*.md')}
    assert pages == {path.stem for path in RESULTS}
    assert pages


def write_page(tmp_path, **table) -> Path:
    path = tmp_path / 'page.json'
    table = dict(columns=['', 'a', 'b'], rows=[['x', 1, 2]]) | table
    path.write_text(json.dumps(dict(title='T', measured=MEASURED, tables=[table])))
    return path


def test_cells_of_every_kind_and_means_over_columns(tmp_path):
    path = write_page(
        tmp_path,
        decimals=2,
        columns=['', 'a', 'b', dict(title='mean', mean_of=['a', 'b'])],
        rows=[
            ['pair', [1.0, 5.0], [2.5, 7.0]],
            dict(bold=True, cells=['spread', dict(mean=3.0, std=0.126), 6]),
            ['unmeasured', None, 'failed'],
        ],
    )
    assert render(path).splitlines()[8:13] == [
        '|  | a | b | mean |',
        '|---|---|---|---|',
        # deviations 1.5 / sqrt(2) and 3 / sqrt(2)
        '| pair | 1.00 / 5.00 | 2.50 / 7.00 | 1.75 +- 1.06 |',
        '| **spread** | **3.00 +- 0.13** | **6** | **4.50 +- 2.12** |',
        '| unmeasured |  | failed |  |',
    ]


@pytest.mark.parametrize(
    'table, message',
    [
        (dict(rows=[['x', 1]]), r'rows\[0\] has 2 cells .* 3 columns'),
        (dict(rows=['xyz']), r"rows\[0\] is 'xyz'; write a list"),
        (dict(colums=['']), r"tables\[0\]: unknown key 'colums' \(did you mean 'columns'"),
        (dict(rows=[['x', True, 2]]), "column 'a': a cell is True"),
        (dict(columns=['', 'a', 'a']), 'two columns have one title'),
        (
            dict(columns=['', 'a', 'b', dict(title='m', mean_of=['c'])]),
            r"mean_of names no column \['c'\]",
        ),
        (dict(measured=dict(sed=1)), r'measured: unknown key'),
    ],
)
def test_damaged_results_are_refused_with_their_place(tmp_path, table, message):
    with pytest.raises(ValueError, match=message):
        render(write_page(tmp_path, **table))


def test_results_without_provenance_are_refused(tmp_path):
    path = tmp_path / 'page.json'
    measured = {key: value for key, value in MEASURED.items() if key != 'seed'}
    path.write_text(json.dumps(dict(title='T', measured=measured, tables=[])))
    with pytest.raises(ValueError, match='measured has no seed; every one'):
        render(path)


def test_a_snippet_is_found_by_its_name():
    assert snippet(EXTENDING, 'my_model.py').startswith('# my_model.py\n')
    with pytest.raises(ValueError, match='not enough values'):
        snippet(EXTENDING, 'no_such.py')
