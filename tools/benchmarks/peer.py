"""A function of another project's checkout, loaded without the rest of that project."""

import importlib
import sys
import types
from collections.abc import Callable
from pathlib import Path


def load_peer(folder: str, function: str) -> Callable:
    """The function that one Python file below the folder defines.

    The file is imported beside its neighbours, so `from .other import` works, but no `__init__.py`
    is run: a peer's packages often need what is not installed. Of several files that with the
    shortest path is taken.

    Raises:
        SystemExit: no such folder or function, or the file cannot be imported; says which and why.
    """
    root = Path(folder).resolve()
    if not root.is_dir():
        raise SystemExit(
            f'--peer {folder}: no such folder; give a checkout that defines {function}'
        )
    found = [
        path
        for path in root.rglob('*.py')
        if f'def {function}(' in path.read_text(encoding='utf-8', errors='replace')
    ]
    if not found:
        raise SystemExit(
            f'--peer {folder}: no Python file there has `def {function}(`; give a checkout of a '
            f'project that defines it, or leave --peer out'
        )
    path = min(found, key=lambda path: (len(path.parts), str(path)))
    package = types.ModuleType('peer_package')
    package.__path__ = [str(path.parent)]
    sys.modules['peer_package'] = package
    sys.path.append(str(root))
    try:
        return getattr(importlib.import_module(f'peer_package.{path.stem}'), function)
    except Exception as error:
        raise SystemExit(
            f'--peer {folder}: {path} cannot be imported: {type(error).__name__}: {error}; install '
            f'what it needs, or leave --peer out'
        ) from error
