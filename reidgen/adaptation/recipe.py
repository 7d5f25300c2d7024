"""Recipe of an adaptation: sizes by machine and number of images, and the config as text."""

from pathlib import Path
from string import Template
from typing import NamedTuple

MADE_BY = 'Made by: '  # line of the config that tells the command
# sources that are rendered on first use, in configs/_base_/datasets.py
BUILT_IN = ('synth_a', 'synth_b', 'synth_n', 'synth_a2b', 'synth_a2n')
FEWEST_BY_CAMERA = 50  # images: with fewer, statistics of a camera are worth less than they cost
TEMPLATES = dict(cpu='recipe_cpu.txt', gpu='recipe_gpu.txt')


class Sizes(NamedTuple):
    """Sizes of an adaptation; iterations by stage."""

    machine: str  # 'cpu' or 'gpu'
    identity: int
    generators: int
    joint: int
    clusters: int
    persons: int  # in a batch of stage identity, of 4 images each
    cluster_batch: int  # images in a batch of stage clusters
    recluster: int  # iterations between clusterings
    k1: int  # neighbours of the clustering's Jaccard distance

    @property
    def told(self) -> str:
        """Lengths of the stages in words."""
        return (
            f'{self.identity} iterations of identity, {self.generators} of generators, '
            f'{self.joint} of joint, {self.clusters} of clusters'
        )


def sizes_for(machine: str, num_source: int, num_persons: int, num_target: int) -> Sizes:
    """Sizes for a machine and numbers of images.

    On a CPU some passes over the images, and at most about as many iterations as gcl_mot2pets.py
    has, for minutes. On a GPU passes as in gcl_market2duke.py: 60 of the source, 40 of the target,
    20 of the smaller, and 50 of the target in clusters; at least some hundred iterations.

    Args:
        machine: 'cpu' or 'gpu'.
        num_source, num_persons: images and persons of the source.
        num_target: images of the target, at least 32.
    """
    few = 16 if num_target < 128 else 32
    if machine == 'cpu':
        generators = _within(16 * num_target / 8, 60, 120)
        clusters = _within(10 * num_target / few, 40, 80)
        return Sizes(
            machine,
            identity=_within(12 * num_source / 32, 60, 200),
            generators=generators,
            joint=generators // 4,
            clusters=clusters,
            persons=min(8, num_persons),
            cluster_batch=few,
            recluster=clusters // 2,
            k1=neighbours_for(num_target),
        )
    batch = few if num_target < 1024 else 64
    clusters = _within(50 * num_target / batch, 200, 10000)
    return Sizes(
        machine,
        identity=_within(60 * num_source / 128, 300, 6000),
        generators=_within(40 * num_target / 16, 1000, 41280),
        joint=_within(20 * min(num_source, num_target) / 16, 300, 16160),
        clusters=clusters,
        persons=min(32, num_persons),
        cluster_batch=batch,
        recluster=max(clusters // 50, 50),
        k1=neighbours_for(num_target),
    )


def neighbours_for(num_target: int) -> int:
    """Neighbours searched for the clustering's distance: 30 (Zhong et al., CVPR 2017) of many
    images, an eighth of few, as more would be of other persons.
    """
    return max(6, min(30, num_target // 8))


def _within(value: float, low: int, high: int) -> int:
    """Rounded to tens, within limits."""
    return min(max(round(value / 10) * 10, low), high)


class Counts(NamedTuple):
    """Numbers of images that the config names."""

    source: int
    persons: int
    target: int
    cameras: int
    fewest: int  # images of a camera of the target

    @property
    def by_camera(self) -> bool:
        """Whether batch-norm statistics are taken by camera (docs/results/camera_bn.md)."""
        return self.cameras > 1 and self.fewest >= FEWEST_BY_CAMERA


def config_text(
    made_by: str, base: Path, source: str, target: str, counts: Counts, sizes: Sizes
) -> str:
    """Text of the config.

    Args:
        made_by: the command, for its header.
        base: folder of the bases, `configs/_base_` as installed.
        source, target: Python expressions of the data sets.
    """
    text = Path(__file__).with_name(TEMPLATES[sizes.machine]).read_text(encoding='utf-8')
    return Template(text).substitute(
        made_by=f'{MADE_BY}{made_by}',
        base=base.as_posix(),
        source=source,
        target=target,
        num_source=counts.source,
        num_persons=counts.persons,
        num_target=counts.target,
        num_cameras=counts.cameras,
        adabn=" adabn_by='camera'," if counts.by_camera else '',
        warmup=sizes.identity // 10,
        fall=sizes.identity * 2 // 3,
        half_generators=sizes.generators // 2,
        half_joint=max(sizes.joint // 2, 1),
        grid=max(sizes.generators // 4, 1),
        checkpoint=50 if sizes.machine == 'cpu' else 1000,
        batch=4 * sizes.persons,
        **sizes._asdict(),
    )


def made_by_of(text: str) -> str | None:
    """The command in the header of a config; None: it tells none."""
    lines = [line for line in text.splitlines() if line.startswith(MADE_BY)]
    return lines[0].removeprefix(MADE_BY) if lines else None
