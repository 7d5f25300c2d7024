"""A short part of the fuzz: no damaged input is passed over in silence, hangs or fails unnamed."""

from pathlib import Path

import pytest
from fuzzing.case import Case
from fuzzing.judge import FAILED, HANG, HARMLESS, NAMED, SILENT, TOLD, UNNAMED, Outcome
from fuzzing.kinds import KINDS, cases
from fuzzing.pool import outcomes
from mmengine.logging import MMLogger

COUNT = 6 * len(KINDS)


@pytest.mark.slow
def test_no_damaged_input_of_any_kind_fails(tmp_path):
    chosen = list(cases(seed=2, count=COUNT))
    judged = list(outcomes([case for _, _, case in chosen], tmp_path))
    assert len(judged) == COUNT
    failed = [
        f'{kind} {number} ({case.name}): {outcome}: {text}'
        for (kind, number, case), (outcome, text) in zip(chosen, judged)
        if outcome in FAILED
    ]
    assert not failed, '\n'.join(failed)


def test_a_case_is_decided_by_seed_kind_and_number():
    names = [case.name for _, _, case in cases(seed=3, count=2 * len(KINDS))]
    assert names == [case.name for _, _, case in cases(seed=3, count=2 * len(KINDS))]
    for kind in KINDS:
        (_, number, first), (_, second, other) = cases(seed=3, count=2, kind=kind)
        place = list(KINDS).index(kind)
        assert (number, second) == (0, 1)
        assert [first.name, other.name] == names[place :: len(KINDS)]


def _end_without_a_word(path: Path) -> None:
    import os

    os._exit(1)


def _wait(path: Path) -> None:
    import time

    time.sleep(60)


def _fail(error: BaseException):
    def read(path: Path) -> None:
        raise error

    return read


def _log(level: str, text: str):
    def read(path: Path) -> str:
        getattr(MMLogger.get_current_instance(), level)(text)
        return 'other'

    return read


@pytest.mark.parametrize(
    'read, outcome',
    [
        (lambda path: 'same', HARMLESS),
        (lambda path: 'other', SILENT),
        (_log('info', '3 images'), SILENT),
        (_log('info', '3 images; left out: .gif files: 1'), TOLD),
        (_log('warning', 'one is missing'), TOLD),
        (_fail(ValueError('a.jpg is damaged')), NAMED),
        (_fail(SystemExit('a.jpg is damaged')), NAMED),
        (_fail(ValueError('list index out of range')), UNNAMED),
        (_fail(KeyError('a.jpg')), UNNAMED),
        (_fail(RecursionError('maximum recursion depth exceeded')), UNNAMED),
        (_end_without_a_word, UNNAMED),
        pytest.param(_wait, HANG, marks=pytest.mark.slow),
    ],
)
def test_outcome_of_a_reader(read, outcome, tmp_path):
    def reader(path: Path):
        return read(path) if (path / 'damaged').exists() else 'same'

    case = Case(
        name='made up',
        world='made up',
        build=lambda path: None,
        damage=lambda path: (path / 'damaged').touch(),
        read=reader,
        names=('a.jpg',),
    )
    fine = Case('fine', 'made up', case.build, case.build, reader, ())
    judged = list(outcomes([case, fine], tmp_path, limit_s=20 if outcome != HANG else 3))
    assert [each.outcome for each in judged] == [outcome, HARMLESS]
    assert isinstance(judged[0], Outcome)


def test_an_undamaged_input_that_cannot_be_read_is_a_fault_of_the_fuzz(tmp_path):
    nothing = lambda path: None  # noqa: E731
    case = Case('made up', 'made up', nothing, nothing, _fail(ValueError('a.jpg')), ('a.jpg',))
    with pytest.raises(RuntimeError, match=r'(?s)made up, made up: .*ValueError: a.jpg'):
        list(outcomes([case], tmp_path))
