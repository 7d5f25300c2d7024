"""Plan of the rendered faces: persons, yaws, lights, and the file names.

0001_c03_l12_e0.jpg: person 1, yaw 3 of 13, light 12 of 20, neutral; c14 and l00 are the true
frontal face. Training persons are numbered from 1, test persons from 5001: a larger size holds all
files of a smaller one, unchanged.
"""

from typing import NamedTuple

import numpy as np

from reidgen.synthetic.faces.lights import NUM_LIGHTS, TRUTH_LIGHT
from reidgen.synthetic.faces.scene import Pose
from reidgen.synthetic.plan import FIRST_PID, FOLDERS, MAX_PEOPLE, Job
from reidgen.synthetic.seeds import BENCHMARK, Seeds, stream

DOMAIN, VERSION = 'faces', 'faces-1.0'
YAWS_DEG = tuple(range(-90, 91, 15))
TRUTH_YAW = len(YAWS_DEG)  # number of the true frontal face among the yaws
TRUTH_FOLDER = 'truth'  # of the training persons; those of test persons are the gallery
POSE_STD = 1.5  # degrees by which a head is off the yaw that was asked for, and off upright
EXPRESSIVE_PROB = 0.3


class FaceSize(NamedTuple):
    """Numbers of persons, and of lights at each yaw."""

    num_train: int
    num_test: int
    num_lights: int  # of 20, others at each yaw of each person


FACE_SIZES = {
    'tiny': FaceSize(8, 4, 2),
    'base': FaceSize(200, 50, 4),
    'large': FaceSize(200, 50, 20),
}


class FacePicture(NamedTuple):
    """Planned picture file."""

    name: str
    folder: str
    yaw: int  # number in YAWS_DEG, or TRUTH_YAW
    light: int  # number in LIGHTS


class FaceShot(NamedTuple):
    """Moment that is pictured under several lights: pose and expression of a person."""

    pose: Pose
    expression: dict[str, float]


class FacePlan(NamedTuple):
    """Plan of a rendering of faces; used as `Plan` is."""

    size: str
    counts: FaceSize
    seeds: Seeds = BENCHMARK

    @classmethod
    def of(cls, size: str = 'base', seeds: Seeds = BENCHMARK) -> 'FacePlan':
        """Plan in one of the three sizes.

        Raises:
            ValueError: there is no such size, or a seed is negative or has no meaning here.
        """
        if size not in FACE_SIZES:
            raise ValueError(f"size is '{size}'; it must be one of {', '.join(FACE_SIZES)}")
        if min(seeds) < 0:
            raise ValueError(f'{seeds}: seeds are whole numbers from 0 on')
        if seeds.camera:
            raise ValueError(f'camera seed {seeds.camera}: faces have no cameras; leave it at 0')
        return cls(size, FACE_SIZES[size], seeds)

    @property
    def domain(self) -> str:
        return DOMAIN

    @property
    def version(self) -> str:
        return VERSION

    @property
    def validation(self) -> bool:
        return False

    @property
    def folder(self) -> str:
        """Folder below the root: faces/base, with a suffix for other seeds."""
        name = f'{DOMAIN}/{self.size}'
        if self.seeds != BENCHMARK:
            name += f'-identity{self.seeds.identity}-image{self.seeds.image}'
        return name

    def jobs(self) -> list[Job]:
        """Jobs of all persons, in order.

        Raises:
            ValueError: there are more people than numbers for them.
        """
        jobs = []
        for kind, count in (('train', self.counts.num_train), ('test', self.counts.num_test)):
            if count > MAX_PEOPLE[kind]:
                raise ValueError(f'{count} {kind} persons; at most {MAX_PEOPLE[kind]} have numbers')
            jobs += [Job(kind, FIRST_PID[kind] + k) for k in range(count)]
        return jobs

    def pictures(self, job: Job) -> list[FacePicture]:
        """Planned pictures of a person: the true frontal face, then yaw after yaw."""
        folder = FOLDERS['train' if job.kind == 'train' else 'query']
        truth_folder = TRUTH_FOLDER if job.kind == 'train' else FOLDERS['gallery']
        pictures = [
            FacePicture(
                face_name(job.number, TRUTH_YAW, TRUTH_LIGHT, False),
                truth_folder,
                TRUTH_YAW,
                TRUTH_LIGHT,
            )
        ]
        for yaw in range(len(YAWS_DEG)):
            expressive = bool(self.shot(job, yaw).expression)
            lights = 1 + self.stream('lights', job, yaw).permutation(NUM_LIGHTS)
            for light in sorted(lights[: self.counts.num_lights].tolist()):
                name = face_name(job.number, yaw, light, expressive)
                pictures.append(FacePicture(name, folder, yaw, light))
        return pictures

    def shot(self, job: Job, yaw: int) -> FaceShot:
        """Pose and expression of a person at a yaw; the truth's are exactly frontal and neutral."""
        if yaw == TRUTH_YAW:
            return FaceShot(Pose(), {})
        rng = self.stream('shot', job, yaw)
        off = rng.normal(0, POSE_STD, 3)
        pose = Pose(YAWS_DEG[yaw] + off[0], off[1], off[2])
        return FaceShot(pose, _expression(rng) if rng.random() < EXPRESSIVE_PROB else {})

    def stream(self, purpose: str, job: Job, *more: int) -> np.random.Generator:
        """Random stream of a person for a purpose; 'identity' has a seed of its own."""
        seed = self.seeds.identity if purpose == 'identity' else self.seeds.image
        return stream(purpose, seed, DOMAIN, *job, *more)

    def split_counts(self) -> dict[str, tuple[int, int]]:
        """Numbers of identities and images by split."""
        per_person = len(YAWS_DEG) * self.counts.num_lights
        return {
            'train': (self.counts.num_train, self.counts.num_train * per_person),
            'query': (self.counts.num_test, self.counts.num_test * per_person),
            'gallery': (self.counts.num_test, self.counts.num_test),
        }


def face_name(pid: int, yaw: int, light: int, expressive: bool) -> str:
    """File name without suffix."""
    return f'{pid:04d}_c{yaw + 1:02d}_l{light:02d}_e{int(expressive)}'


def _expression(rng: np.random.Generator) -> dict[str, float]:
    """Random expression: strengths by name of the head's."""
    kind = str(rng.choice(['smile', 'laugh', 'talk', 'surprise', 'frown', 'squint', 'pucker']))
    strength = float(rng.uniform(0.4, 0.9))
    if kind == 'laugh':
        return {'smile': strength, 'open': 0.3 * strength}
    return {'open': 0.5 * strength} if kind == 'talk' else {kind: strength}
