"""Trained models that come with reidgen, by name."""

from pathlib import Path

from reidgen.choices import hint, listed

from .model_file import SUFFIX

FOLDER = Path(__file__).parent / 'models'


def model_names() -> list[str]:
    """Names of the models."""
    return sorted(path.stem for path in FOLDER.glob(f'*{SUFFIX}'))


def find_model(model: str | Path) -> Path:
    """Path of a model file, or of the model of that name.

    Raises:
        FileNotFoundError: a name that no model has; lists the nearest and all.
    """
    path = Path(model).expanduser()
    if path.suffix or path.parent != Path() or path.is_file():
        return path
    if str(model) not in model_names():
        raise FileNotFoundError(
            f"no model '{model}'{hint(model, model_names())}; models of reidgen: "
            f'{listed(model_names())}; a file of your own ends in {SUFFIX}'
        )
    return FOLDER / f'{model}{SUFFIX}'
