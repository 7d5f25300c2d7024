"""Renderings of a handful of people, and their files."""

from pathlib import Path

from reidgen.synthetic import Plan, Size

FEW = Size(num_train=1, num_test=1, num_distractors=1, num_junk=1)


def few(domain: str = 'synth_a', **changes) -> Plan:
    """A plan of four people."""
    return Plan(domain, 'few', FEW._replace(**changes))


def tree(folder: Path) -> dict[str, bytes]:
    """Contents by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }
