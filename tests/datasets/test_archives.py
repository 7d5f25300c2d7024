import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from reidgen.cli import parse
from reidgen.cli.prepare import run
from reidgen.datasets import CUHK03, FolderReID
from reidgen.datasets.archives import prepare


def picture(seed, size=(32, 64)):
    return np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3)).astype(np.uint8)


def png(seed):
    data = io.BytesIO()
    Image.fromarray(picture(seed)).save(data, format='PNG')
    return data.getvalue()


def market_files(folders=('bounding_box_train', 'query', 'bounding_box_test')):
    train, query, gallery = folders
    names = [
        f'{train}/0002_c1s1_000001_01.png', f'{train}/0002_c2s1_000001_01.png',
        f'{query}/0003_c1s1_000001_01.png', f'{gallery}/0003_c2s1_000001_01.png',
    ]  # fmt: skip
    return {name: png(number) for number, name in enumerate(names)}


def write_zip(path, files):
    with zipfile.ZipFile(path, 'w') as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_tar(path, files):
    with tarfile.open(path, 'w:gz') as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize('write, name', [(write_zip, 'm.zip'), (write_tar, 'm.tar.gz')])
def test_market_is_unpacked_from_wherever_it_lies_in_the_archive(write, name, tmp_path):
    files = {f'Market-1501-v15.09.15/{key}': data for key, data in market_files().items()}
    assert prepare(write(tmp_path / name, files), tmp_path / 'out').name == 'Market-1501'
    assert (tmp_path / 'out/query/0003_c1s1_000001_01.png').read_bytes() == png(2)
    assert {path.name for path in tmp_path.iterdir()} == {name, 'out'}
    with pytest.raises(FileExistsError, match='another --out'):
        prepare(tmp_path / name, tmp_path / 'out')


def test_duke_is_told_from_market_by_its_names_and_read_as_what_it_is(tmp_path, capsys):
    names = [
        'bounding_box_train/0001_c2_f0046182.png', 'query/0005_c8_f0046985.png',
        'bounding_box_test/7140_c1_f0184333.png', 'bounding_box_test/0005_c1_f0046985.png',
    ]  # fmt: skip
    files = {f'DukeMTMC-reID/{name}': png(number) for number, name in enumerate(names)}
    out = tmp_path / 'out'
    run(parse('prepare', [str(write_zip(tmp_path / 'duke.zip', files)), '--out', str(out)]))
    assert f'reidgen verify DukeMTMC root={out}' in capsys.readouterr().out


def test_folders_of_veri_take_the_names_of_market_and_the_users_folder_stays(tmp_path):
    for name, data in market_files(('image_train', 'image_query', 'image_test')).items():
        (tmp_path / 'VeRi' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'VeRi' / name).write_bytes(data)
    assert prepare(tmp_path / 'VeRi', tmp_path / 'out').name == 'VeRi-776'
    assert (tmp_path / 'VeRi/image_query').is_dir()
    dataset = FolderReID(str(tmp_path / 'out'), split='query+gallery', layout='market')
    assert [(record.pid, record.camid) for record in dataset.records] == [(3, 0), (3, 1)]


@pytest.mark.parametrize('write, name', [(write_zip, 'm.zip'), (write_tar, 'm.tar.gz')])
def test_no_member_lands_outside(write, name, tmp_path):
    inner = tmp_path / 'inner'
    inner.mkdir()
    archive = write(inner / name, market_files() | {'../../outside.png': b'x'})
    if name.endswith('.zip'):  # zipfile takes the dots away
        prepare(archive, inner / 'out')
    else:
        with pytest.raises(ValueError, match='is damaged'):
            prepare(archive, inner / 'out')
    assert not (tmp_path / 'outside.png').exists()


@pytest.mark.parametrize(
    'content, message',
    [
        (b'no archive', 'is damaged'),
        (None, 'no known layout in archive, which holds a.txt; known are DukeMTMC-reID'),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_left(content, message, tmp_path):
    path = tmp_path / 'a.zip'
    if content is None:
        write_zip(path, {'a.txt': b'x'})
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        prepare(path, tmp_path / 'out')
    assert [each.name for each in tmp_path.iterdir()] == ['a.zip']
    with pytest.raises(FileNotFoundError, match='no archive'):
        prepare(tmp_path / 'b.zip', tmp_path / 'out')
    (tmp_path / 'a.rar').touch()
    with pytest.raises(ValueError, match=r'none of \.zip'):
        prepare(tmp_path / 'a.rar', tmp_path / 'out')


def write_release(path):
    """CUHK03's .mat with one pair of cameras: two persons, of whom the second has two images."""
    h5py = pytest.importorskip('h5py')
    stored = {}
    with h5py.File(path, 'w') as file:
        for boxes in ('detected', 'labeled'):
            cell = file.create_dataset(f'{boxes}_1', (10, 2), dtype=h5py.ref_dtype)
            for place in range(10):
                for person in range(2):
                    name = f'{boxes}_{place}_{person}'
                    if person == 1 and place not in (4, 5):
                        data = np.zeros(2, np.uint64)  # as MATLAB writes an empty array
                    else:
                        data = picture(len(stored)).transpose(2, 1, 0)
                        stored[name] = data.transpose(2, 1, 0)
                    cell[place, person] = file.create_dataset(name, data=data).ref
            pairs = file.create_dataset(boxes, (1, 1), dtype=h5py.ref_dtype)
            pairs[0, 0] = cell.ref
    return stored


def write_protocol(folder, names, **rows):
    files = np.empty((len(names), 1), object)
    files[:, 0] = names
    labels = np.array([[int(name.split('_')[1])] for name in names])
    for boxes in ('detected', 'labeled'):
        content = dict(filelist=files, labels=labels) | {
            key: np.array(value)[:, None] for key, value in rows.items()
        }
        savemat(folder / f'cuhk03_new_protocol_config_{boxes}.mat', content)


def test_the_release_of_cuhk03_becomes_images_of_the_new_protocol(tmp_path):
    (tmp_path / 'release').mkdir()
    stored = write_release(tmp_path / 'release/cuhk-03.mat')
    names = ['1_001_1_01.png', '1_001_2_06.png', '1_002_1_05.png', '1_002_2_06.png']
    write_protocol(tmp_path, names, train_idx=[1, 2], query_idx=[3], gallery_idx=[4])
    prepare(tmp_path / 'release', tmp_path / 'out', tmp_path)
    for boxes in ('detected', 'labeled'):
        for part, expected in {
            'bounding_box_train': [('0001_c1_00000', 0, 0), ('0001_c2_00001', 5, 0)],
            'query': [('0002_c1_00000', 4, 1)],
            'bounding_box_test': [('0002_c2_00000', 5, 1)],
        }.items():
            paths = sorted((tmp_path / 'out' / boxes / part).iterdir())
            assert [path.stem for path in paths] == [stem for stem, *_ in expected]
            for path, (_, place, person) in zip(paths, expected):
                with Image.open(path) as image:
                    assert np.array_equal(np.asarray(image), stored[f'{boxes}_{place}_{person}'])
    assert len(CUHK03(str(tmp_path / 'out'), split='train')) == 2


def test_a_missing_file_of_cuhk03_is_named(tmp_path):
    (tmp_path / 'release').mkdir()
    write_release(tmp_path / 'release/cuhk-03.mat')
    with pytest.raises(FileNotFoundError, match='cuhk03_new_protocol_config_detected'):
        prepare(tmp_path / 'release', tmp_path / 'out')
    write_protocol(tmp_path, ['1_002_1_01.png'], train_idx=[1], query_idx=[1], gallery_idx=[1])
    with pytest.raises(ValueError, match='1 images of the new protocol are not among detected'):
        prepare(tmp_path / 'release', tmp_path / 'out', tmp_path)
    assert not (tmp_path / 'out').exists()
