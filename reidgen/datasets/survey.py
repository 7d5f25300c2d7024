"""Survey of data sets: counts, and what is wrong or odd about them, in plain words."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from PIL import Image

from reidgen.files import sha256_of

from .records import Record
from .reid_dataset import ReIDDataset

NUM_NAMED = 3  # files named in a finding
LARGE = 1000  # pixels of a side beyond which a picture is hardly a crop of a person
SMALL = 16  # pixels of a side below which nobody is told apart
TEST = ('query', 'gallery', 'multi_query')


class Finding(NamedTuple):
    """Something wrong or odd about a data set."""

    wrong: bool  # False: a remark
    text: str
    fix: str


class Survey(NamedTuple):
    """Counts of data sets as lines of text, and findings, the wrong ones first."""

    counts: list[str]
    findings: list[Finding]


class _Image(NamedTuple):
    record: Record
    size: tuple[int, int]  # width and height, pixels
    digest: str  # SHA-256 of the file


def survey(datasets: Mapping[str, ReIDDataset]) -> Survey:
    """Survey of data sets by name; every file is read once.

    Sets of one root are taken for parts of one data set: a person of the training part must not be
    in the test part, where both number persons alike (`numbered_as_one`). One picture must not be
    in two sets, nor twice in one.
    """
    images = {name: _read(dataset) for name, dataset in datasets.items()}
    counts = [_count(name, dataset, images[name]) for name, dataset in datasets.items()]
    findings: list[Finding] = []
    for name, dataset in datasets.items():
        findings += _left_out(name, dataset) + _sizes(name, images[name])
        findings += _repeated(name, images[name])
        if dataset.split == 'train' and dataset.labelled:
            findings += _persons(name, dataset.records)
        if 'query' in dataset.split and 'gallery' in dataset.split:
            findings += _queries(name, dataset)
    findings += _shared_persons(datasets) + _shared_files(images)
    return Survey(counts, sorted(findings, key=lambda finding: not finding.wrong))


def _read(dataset: ReIDDataset) -> list[_Image]:
    """Images with size and digest; none of a data set that draws its images."""
    found = []
    for record in dataset.records:
        if Path(record.path).is_file():
            with Image.open(record.path) as image:
                found.append(_Image(record, image.size, sha256_of(record.path)))
    return found


def _count(name: str, dataset: ReIDDataset, images: Sequence[_Image]) -> str:
    records = dataset.records
    persons = Counter(record.pid for record in records if record.pid >= 0)
    cameras = sorted({record.camid + 1 for record in records})
    text = f'{name}: {len(records)} images'
    if persons:
        each = sorted(persons.values())
        text += (
            f' of {len(persons)} persons, {each[0]} to {each[-1]} each (median {median(each):g})'
        )
    unknown = sum(record.pid < 0 for record in records)
    text += f', {unknown} of nobody known' if unknown and persons else ''
    text += f', by {len(cameras)} camera{"s" * (len(cameras) != 1)} ({_listed(cameras)})'
    sizes = Counter(image.size for image in images)
    if len(sizes) == 1:
        text += f', {images[0].size[0]} x {images[0].size[1]} pixels'
    elif sizes:
        widths, heights = zip(*sizes)
        text += f', {min(widths)} to {max(widths)} pixels wide'
        text += f' and {min(heights)} to {max(heights)} high'
    return text


def _listed(numbers: Sequence[int]) -> str:
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f'{numbers[0]} to {numbers[-1]}'
    return ', '.join(map(str, numbers[:12])) + (', ...' if len(numbers) > 12 else '')


def _named(records: Sequence[Record]) -> str:
    more = f' and {len(records) - NUM_NAMED} more' if len(records) > NUM_NAMED else ''
    return ', '.join(record.path for record in records[:NUM_NAMED]) + more


def _left_out(name: str, dataset: ReIDDataset) -> list[Finding]:
    bad = ('decoded', 'pose maps')
    return [
        Finding(
            any(word in reason for word in bad),
            f'{name}: {count} left out: {reason}',
            'restore the files or make the maps; the log above names them'
            if any(word in reason for word in bad)
            else 'nothing to do if that is meant',
        )
        for reason, count in dataset.left_out.items()
        if count
    ]


def _sizes(name: str, images: Sequence[_Image]) -> list[Finding]:
    lying = [image.record for image in images if image.size[0] > image.size[1]]
    large = [image.record for image in images if max(image.size) > LARGE]
    small = [image.record for image in images if min(image.size) < SMALL]
    found = []
    if large or len(lying) > len(images) / 2:
        which = large or lying
        found.append(
            Finding(
                True,
                f'{name}: {len(lying)} of {len(images)} pictures are wider than high, {len(large)} '
                f'have a side of more than {LARGE} pixels: {_named(which)}',
                'whole scenes? Cut each person out first, a crop a person, upright',
            )
        )
    elif lying:
        found.append(
            Finding(
                False,
                f'{name}: {len(lying)} pictures are wider than high: {_named(lying)}',
                'look at them (the command browse): lying persons, or no person at all',
            )
        )
    if small:
        found.append(
            Finding(
                False,
                f'{name}: {len(small)} pictures have a side of less than {SMALL} pixels: '
                f'{_named(small)}',
                'leave them out: nobody can be told apart on them',
            )
        )
    return found


def _by_digest(images: Sequence[_Image]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for image in images:
        found[image.digest].append(image.record)
    return found


def _repeated(name: str, images: Sequence[_Image]) -> list[Finding]:
    """Files of equal content within a data set."""
    groups = [records for records in _by_digest(images).values() if len(records) > 1]
    two_persons = [g for g in groups if len({record.pid for record in g}) > 1]
    same = [g for g in groups if len({record.pid for record in g}) == 1]
    found = []
    if two_persons:
        found.append(
            Finding(
                True,
                f'{name}: {len(two_persons)} pictures are there under two identities: '
                f'{_named(two_persons[0])}',
                'leave the file whose name is right',
            )
        )
    if same:
        num = sum(len(group) - 1 for group in same)
        found.append(
            Finding(
                False,
                f'{name}: {num} files are copies of another: {_named(same[0])}',
                'remove them: they weigh their persons more than others',
            )
        )
    return found


def _persons(name: str, records: Sequence[Record]) -> list[Finding]:
    cameras: dict[int, set[int]] = defaultdict(set)
    for record in records:
        cameras[record.pid].add(record.camid)
    count = Counter(record.pid for record in records)
    single = [pid for pid in count if count[pid] == 1]
    one_camera = [pid for pid in cameras if len(cameras[pid]) == 1]
    found = []
    if len(one_camera) == len(cameras):
        found.append(
            Finding(
                len({record.camid for record in records}) > 1,
                f'{name}: every person is seen by one camera only',
                'is the camera read from the right place of the names? Else training cannot learn '
                'what stays the same between cameras',
            )
        )
    elif one_camera:
        found.append(
            Finding(
                False,
                f'{name}: {len(one_camera)} of {len(cameras)} persons are seen by one camera only',
                'nothing to do: they teach less',
            )
        )
    if single:
        found.append(
            Finding(
                False,
                f'{name}: {len(single)} persons have a single image',
                'nothing to do: they are no positives of anybody',
            )
        )
    return found


def _queries(name: str, dataset: ReIDDataset) -> list[Finding]:
    num = dataset.metainfo['num_query']
    gallery = {(record.pid, record.camid) for record in dataset.records[num:]}
    cameras: dict[int, set[int]] = defaultdict(set)
    for pid, camid in gallery:
        cameras[pid].add(camid)
    without = [
        record
        for record in dataset.records[:num]
        if record.pid < 0 or not cameras[record.pid] - {record.camid}
    ]
    if not without:
        return []
    return [
        Finding(
            len(without) == num,
            f'{name}: {len(without)} of {num} queries have no image of their person by another '
            f'camera in the gallery: {_named(without)}',
            'they are in no score; under the protocol no-camera they may be',
        )
    ]


def _shared_persons(datasets: Mapping[str, ReIDDataset]) -> list[Finding]:
    """Persons of a training set in a test set of the same root."""
    found = []
    for name, dataset in datasets.items():
        for other_name, other in datasets.items():
            tested = any(part in other.split for part in TEST)
            if dataset.split != 'train' or not tested or dataset.root != other.root:
                continue
            if not dataset.numbered_as_one:  # as MSMT17's
                continue
            pids = {r.pid for r in dataset.records if r.pid > 0}
            both = sorted(pids & {r.pid for r in other.records})
            if both:
                found.append(
                    Finding(
                        True,
                        f'{len(both)} persons of {name} are in {other_name}, too: {_listed(both)}',
                        'scores would be of persons that training saw: split by person',
                    )
                )
    return found


def _shared_files(images: Mapping[str, Sequence[_Image]]) -> list[Finding]:
    """Files of equal content in two data sets, other than one set that is given twice."""
    found, names = [], list(images)
    digests = {name: _by_digest(images[name]) for name in names}
    paths = {name: {image.record.path for image in images[name]} for name in names}
    for number, name in enumerate(names):
        for other in names[number + 1 :]:
            both = [d for d in digests[name] if d in digests[other]]
            if both and not paths[name] & paths[other]:
                pair = [digests[each][both[0]][0] for each in (name, other)]
                found.append(
                    Finding(
                        True,
                        f'{len(both)} pictures of {name} are in {other}, too: {_named(pair)}',
                        'leave each in one of the two',
                    )
                )
    return found
