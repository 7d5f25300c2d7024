"""Configs and projects that come with reidgen: the folders of a clone, or their copies in a wheel.

setup.py copies `configs` and the Python files of `projects` into `reidgen/_shipped`.
"""

import ast
import sys
from pathlib import Path

PATTERNS = ('configs/*.py', 'configs/baselines/*.py', 'projects/*/configs/*.py')
COPY = '_shipped'


def root() -> Path:
    """Folder with `configs` and `projects`."""
    package = Path(__file__).resolve().parent
    return package / COPY if (package / COPY).is_dir() else package.parent


def import_from_root() -> None:
    """Makes `projects.<name>`, which configs name in custom_imports, the last to be found."""
    if str(root()) not in sys.path:
        sys.path.append(str(root()))


def shipped_configs() -> list[str]:
    """Names of the configs, paths below `root()`: 'configs/gcl_smoke.py'."""
    found = [path for pattern in PATTERNS for path in root().glob(pattern)]
    return sorted(path.relative_to(root()).as_posix() for path in found)


def summary_of(name: str) -> str:
    """First line of a config's docstring."""
    docstring = ast.get_docstring(ast.parse((root() / name).read_text(encoding='utf-8')))
    return (docstring or '').partition('\n')[0]


def shipped_config(name: str | Path) -> Path | None:
    """Path of a config that comes with reidgen, such as 'configs/gcl_smoke.py'; None: there is none
    of that name.
    """
    name = Path(name).as_posix()
    return root() / name if name in shipped_configs() else None


def has_module(name: str) -> bool:
    """Whether a module, `projects.arn.arn`, is one of the projects that come with reidgen."""
    parts = name.split('.')
    if parts[0] != 'projects' or not all(part.isidentifier() for part in parts):
        return False
    path = root().joinpath(*parts)
    return path.with_suffix('.py').is_file() or (path / '__init__.py').is_file()
