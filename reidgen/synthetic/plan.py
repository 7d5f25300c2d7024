"""Plan of a domain: its people, their cameras, and the file names.

Training persons are numbered from 1, test persons from 5001, those for choosing parameters from
8001: a larger size holds all files of a smaller one, unchanged.
"""

from typing import NamedTuple

import numpy as np

from reidgen.synthetic.camera import NUM_CAMERAS
from reidgen.synthetic.seeds import BENCHMARK, VERSION, Seeds, stream

CLOTHES = {'synth_a': 'summer', 'synth_b': 'winter', 'synth_n': 'summer'}
# people and cameras of each domain; synth_a2b and synth_a2n are what perfect translations of A give
DOMAINS = {
    'synth_a': ('synth_a', 'synth_a'),
    'synth_b': ('synth_b', 'synth_b'),
    'synth_a2b': ('synth_a', 'synth_b'),
    'synth_n': ('synth_n', 'synth_n'),
    'synth_a2n': ('synth_a', 'synth_n'),
}
FIRST_PID = {'train': 1, 'test': 5001, 'validation': 8001}
MAX_PEOPLE = {'train': 4999, 'test': 2999, 'validation': 1999}
MIN_CAMERAS = 4  # with pictures of a person, of NUM_CAMERAS
IMAGES_PER_CAMERA = {'train': 2, 'test': 3, 'validation': 3}  # the first of test is a query
FRAME_STEP = 25
LONERS = {'distractor': ('0000', 100_000), 'junk': ('-1', 200_000)}  # name, first frame
FOLDERS = {'train': 'bounding_box_train', 'query': 'query', 'gallery': 'bounding_box_test'}


class Size(NamedTuple):
    """Numbers of persons in a domain."""

    num_train: int
    num_test: int
    num_distractors: int  # in the gallery, with one image, a false match of every query
    num_junk: int  # badly drawn boxes, which the protocol leaves out


SIZES = {
    'tiny': Size(20, 20, 10, 10),
    'base': Size(120, 80, 60, 60),
    'large': Size(400, 400, 200, 200),
}


class Job(NamedTuple):
    """Job of rendering all pictures of one person."""

    kind: str  # train, test, validation, distractor or junk
    number: int  # pid, or the number of a distractor or junk box from 0


class Picture(NamedTuple):
    """Planned picture file."""

    name: str  # 0001_c1s1_000100_01
    split: str  # train, query or gallery
    camera: int  # from 0
    number: int  # of this person in this camera, from 0


class Plan(NamedTuple):
    """Plan of a rendering: a domain in a size.

    Attributes:
        size: name; with `counts` replaced, any other name.
        validation: persons for choosing parameters in place of the test persons, and no training
            persons.
    """

    domain: str
    size: str
    counts: Size
    seeds: Seeds = BENCHMARK
    validation: bool = False

    @classmethod
    def of(
        cls, domain: str, size: str = 'base', seeds: Seeds = BENCHMARK, validation: bool = False
    ) -> 'Plan':
        """Plan of a domain in one of the three sizes.

        Raises:
            ValueError: there is no such domain or size, or a seed is negative.
        """
        for what, value, known in (('domain', domain, DOMAINS), ('size', size, SIZES)):
            if value not in known:
                raise ValueError(f"{what} is '{value}'; it must be one of {', '.join(known)}")
        if min(seeds) < 0:
            raise ValueError(f'{seeds}: seeds are whole numbers from 0 on')
        counts = SIZES[size]._replace(num_train=0) if validation else SIZES[size]
        return cls(domain, size, counts, seeds, validation)

    @property
    def people(self) -> str:
        """Domain of the people."""
        return DOMAINS[self.domain][0]

    @property
    def cameras(self) -> str:
        """Domain of the cameras."""
        return DOMAINS[self.domain][1]

    @property
    def version(self) -> str:
        """Version of the pictures."""
        return VERSION

    @property
    def is_benchmark(self) -> bool:
        """Whether these are the pictures of the published numbers."""
        return (
            self.seeds == BENCHMARK and not self.validation and SIZES.get(self.size) == self.counts
        )

    @property
    def folder(self) -> str:
        """Folder below the root: synth_a/base, with suffixes for differences from the benchmark."""
        name = f'{self.domain}/{self.size}'
        if self.validation:
            name += '-validation'
        if self.seeds != BENCHMARK:
            name += ''.join(f'-{what}{seed}' for what, seed in self.seeds._asdict().items())
        return name

    def jobs(self) -> list[Job]:
        """Jobs of all persons, in order.

        Raises:
            ValueError: there are more people than numbers for them.
        """
        held_out = 'validation' if self.validation else 'test'
        jobs = []
        for kind, count in (('train', self.counts.num_train), (held_out, self.counts.num_test)):
            if count > MAX_PEOPLE[kind]:
                raise ValueError(f'{count} {kind} persons; at most {MAX_PEOPLE[kind]} have numbers')
            jobs += [Job(kind, FIRST_PID[kind] + k) for k in range(count)]
        jobs += [Job('distractor', k) for k in range(self.counts.num_distractors)]
        return jobs + [Job('junk', k) for k in range(self.counts.num_junk)]

    def pictures(self, job: Job) -> list[Picture]:
        """Planned pictures of a person; the same in synth_a, synth_a2b and synth_a2n."""
        rng = self.stream('schedule', job)
        if job.kind in LONERS:
            label, first_frame = LONERS[job.kind]
            camera = int(rng.integers(NUM_CAMERAS))
            return [_picture(label, 'gallery', camera, first_frame + FRAME_STEP * job.number, 0)]
        count = int(rng.integers(MIN_CAMERAS, NUM_CAMERAS + 1))
        pictures = []
        for camera in np.sort(rng.permutation(NUM_CAMERAS)[:count]).tolist():
            frame = int(rng.integers(100, 90_000))
            for number in range(IMAGES_PER_CAMERA[job.kind]):
                held_out = 'query' if number == 0 else 'gallery'
                pictures.append(
                    _picture(
                        f'{job.number:04d}',
                        'train' if job.kind == 'train' else held_out,
                        camera,
                        frame,
                        number,
                    )
                )
        return pictures

    def stream(self, purpose: str, job: Job, *more: int) -> np.random.Generator:
        """Random stream of a person for a purpose.

        'identity' depends on the identity seed, all others on the image seed. 'picture' is the
        domain's own; the others are the people's, hence alike in synth_a, synth_a2b
        and synth_a2n.
        """
        seed = self.seeds.identity if purpose == 'identity' else self.seeds.image
        domain = self.domain if purpose == 'picture' else self.people
        return stream(purpose, seed, domain, *job, *more)

    def split_counts(self) -> dict[str, tuple[int, int]]:
        """Numbers of identities and images by split, as read: distractors are one identity, junk
        none."""
        persons: dict[str, set] = {split: set() for split in FOLDERS}
        images = dict.fromkeys(FOLDERS, 0)
        for job in self.jobs():
            if job.kind != 'junk':
                for picture in self.pictures(job):
                    persons[picture.split].add(picture.name[:4])
                    images[picture.split] += 1
        return {split: (len(persons[split]), images[split]) for split in FOLDERS}


def _picture(label: str, split: str, camera: int, frame: int, number: int) -> Picture:
    name = f'{label}_c{camera + 1}s{1 + frame % 3}_{frame + FRAME_STEP * number:06d}_01'
    return Picture(name, split, camera, number)
