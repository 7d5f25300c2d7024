"""Renderings on disk: atomic, and resumed after an interruption.

A rendering grows in `<folder>.part`, one person after another; a person counts as done when their
record lies in `progress/`, which is written last. The finished folder is renamed, so whatever has a
manifest is complete. A lock lets one process render while others wait.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from reidgen.files import write_json
from reidgen.synthetic.manifest import NAME, read_manifest
from reidgen.synthetic.plan import FOLDERS, Job, Plan
from reidgen.synthetic.records import (
    mean_iou,
    merged_files,
    read_record,
    write_garment_pairs,
    write_joints,
    write_record,
)
from reidgen.synthetic.writer import render_job

if TYPE_CHECKING:
    from reidgen.synthetic.faces.plan import FacePlan

logger = logging.getLogger(__name__)
AnyPlan: TypeAlias = 'Plan | FacePlan'


class Work(NamedTuple):
    """What is rendered: people or faces."""

    folders: tuple[str, ...]  # of the pictures
    # plan, job, folder, pictures, maps -> record with `files` and `ious`, see render_job
    render: Callable[[AnyPlan, Job, Path, bool, bool], dict]
    finish: Callable[[Path, dict[Job, dict]], None]  # writes the lists of all records


def _write_lists(part: Path, records: dict[Job, dict]) -> None:
    write_joints(part, records.values())
    write_garment_pairs(part, records)


def _render_person(plan: AnyPlan, job: Job, part: Path, pictures: bool, maps: bool) -> dict:
    assert isinstance(plan, Plan)
    return render_job(plan, job, part, pictures, maps)


PEOPLE = Work((*FOLDERS.values(), 'mask', 'parts', 'garment'), _render_person, _write_lists)


def ensure(
    plan: AnyPlan,
    root: str | Path,
    maps: bool = True,
    workers: int = 1,
    work: Work = PEOPLE,
) -> Path:
    """Folder of a complete rendering, rendered now if missing.

    Args:
        maps: with the strips of meshes; they are added to a rendering that has none.
        workers: processes; the files are the same for any number.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
        ValueError: what lies there is another version, or no rendering.
        RuntimeError: a worker process died.
    """
    folder = Path(root).expanduser() / plan.folder
    if _is_complete(plan, folder, maps):
        return folder
    with _explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if _is_complete(plan, folder, maps):  # made by another process meanwhile
                return folder
            if (folder / NAME).is_file():
                _add_maps(plan, folder, workers, work)
            else:
                _render_all(plan, folder, maps, workers, work)
    return folder


def _is_complete(plan: AnyPlan, folder: Path, maps: bool) -> bool:
    manifest = read_manifest(folder)
    if manifest is None:
        if folder.is_dir() and any(folder.iterdir()):
            raise ValueError(
                f'{folder} has files but no {NAME}: it is no rendering of '
                f'{plan.domain}; move it away, or give another root'
            )
        return False
    described = describe(plan)
    wrong = [
        f'{key} {manifest.get(key)!r} instead of {value!r}'
        for key, value in described.items()
        if manifest.get(key) != value
    ]
    if wrong:
        raise ValueError(
            f'{folder} is another rendering: {", ".join(wrong)}; delete it, it is '
            f'rendered again when it is needed, or give another root'
        )
    return manifest['maps'] or not maps


def describe(plan: AnyPlan) -> dict:
    """Part of a manifest that follows from the plan."""
    return {
        'version': plan.version,
        'domain': plan.domain,
        'size': plan.size,
        'counts': plan.counts._asdict(),
        'seeds': plan.seeds._asdict(),
        'validation': plan.validation,
    }


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f'cannot render the synthetic people into {folder.absolute()}: '
            f'{error.strerror or error}. Make room, or give a folder that can be written as root '
            f'(`reidgen render --out FOLDER` renders ahead); what is done so '
            f'far is kept beside it and continued',
        ) from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Context of an inter-process lock, freed by the system when a process dies."""
    lock = FileLock(folder.with_name(f'.{folder.name}.lock'))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info('another process renders %s; waiting for it', folder)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _render_all(plan: AnyPlan, folder: Path, maps: bool, workers: int, work: Work) -> None:
    part = folder.with_name(f'{folder.name}.part')
    _begin(plan, part, (*work.folders, *(['mesh'] if maps else [])), maps)
    records = _run(plan, part, workers, work, pictures=True, maps=maps)
    manifest = {
        **describe(plan),
        'maps': maps,
        'libraries': libraries(),
        'mesh_iou': mean_iou(records.values()),
        'splits': plan.split_counts(),
        'num_images': sum(len(plan.pictures(job)) for job in records),
        'files': merged_files(records.values()),
    }
    work.finish(part, records)
    write_json(part / NAME, manifest, compact=True)
    shutil.rmtree(part / 'progress')
    (part / 'plan.json').unlink()
    os.replace(part, folder)


def _add_maps(plan: AnyPlan, folder: Path, workers: int, work: Work) -> None:
    """Adds strips of meshes to a rendering without them."""
    part = folder.with_name(f'{folder.name}.maps.part')
    if (folder / 'mesh').is_dir():  # stopped between the two steps below: go back one
        if part.is_dir() and not (part / 'mesh').exists():
            os.replace(folder / 'mesh', part / 'mesh')
        else:
            shutil.rmtree(folder / 'mesh')
    _begin(plan, part, ('mesh',), True)
    records = _run(plan, part, workers, work, pictures=False, maps=True)
    manifest = read_manifest(folder)
    manifest['files'] = dict(
        sorted({**manifest['files'], **merged_files(records.values())}.items())
    )
    manifest['maps'] = True
    os.replace(part / 'mesh', folder / 'mesh')
    write_json(folder / NAME, manifest, compact=True)
    shutil.rmtree(part)


def _begin(plan: AnyPlan, part: Path, inner: tuple[str, ...], maps: bool) -> None:
    """Prepares the folder to render into: that of an interrupted rendering, or a new one."""
    described = {**describe(plan), 'maps': maps, 'libraries': libraries()}
    if part.is_dir() and read_record(part / 'plan.json') != described:
        shutil.rmtree(part)
    for name in (*inner, 'progress'):
        (part / name).mkdir(parents=True, exist_ok=True)
    write_record(part / 'plan.json', described)


def _run(
    plan: AnyPlan, part: Path, workers: int, work: Work, pictures: bool, maps: bool
) -> dict[Job, dict]:
    """Renders the unfinished persons; the records of all, in the plan's order."""
    jobs = plan.jobs()
    sizes = {job: len(plan.pictures(job)) for job in jobs}
    left = [job for job in jobs if read_record(_record_path(part, job)) is None]
    # disable=None: no bar where the output is no terminal
    bar = tqdm(
        total=sum(sizes.values()),
        initial=sum(sizes[job] for job in jobs) - sum(sizes[job] for job in left),
        desc=f'rendering {plan.domain} {plan.size}',
        unit='image',
        disable=None,
    )
    do = partial(_do, plan, part, work, pictures, maps)
    with bar:
        for job in (
            _in_processes(do, left, workers) if workers > 1 and len(left) > 1 else map(do, left)
        ):
            bar.update(sizes[job])
    return {job: read_record(_record_path(part, job)) for job in jobs}


def _in_processes(do: partial, jobs: list[Job], workers: int) -> Iterator[Job]:
    # spawned, not forked: the calling process may run threads of torch
    pool = ProcessPoolExecutor(workers, mp_context=get_context('spawn'))
    try:
        for future in as_completed([pool.submit(do, job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool as error:
        raise RuntimeError(
            'a rendering process died, perhaps for want of memory; call again with '
            'fewer workers, what is done so far is continued'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _do(plan: AnyPlan, part: Path, work: Work, pictures: bool, maps: bool, job: Job) -> Job:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # pictures are small: threads would cost more than they give
    try:
        record = work.render(plan, job, part, pictures, maps)
    finally:
        cv2.setNumThreads(threads)
    write_record(_record_path(part, job), record)
    return job


def _record_path(part: Path, job: Job) -> Path:
    return part / 'progress' / f'{job.kind}-{job.number}.json'


def libraries() -> str:
    """Versions of the libraries that decide the pixels."""
    return f'numpy {np.__version__}, OpenCV {cv2.__version__}'
