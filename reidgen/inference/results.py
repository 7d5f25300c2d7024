"""Scores of `reidgen test`, for model files."""

from pathlib import Path
from typing import Any

from reidgen.files import read_json, sha256_of


def read_results(
    results: str | Path | None, checkpoint: str | Path, adapted: str | None
) -> dict[str, Any]:
    """Metrics and calibration of a results.json, as fields of ModelInfo.

    Args:
        adapted: by what batch-norm statistics are re-estimated, 'domain' or 'camera'; None: they
            are those of the checkpoint.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is of another checkpoint, of other batch-norm statistics, re-ranked, or none.
    """
    path = Path(results or Path(checkpoint).parent / 'test/results.json')
    if not path.is_file():
        if results is None:
            return {}
        raise FileNotFoundError(f'no results {path}; write them: `reidgen test CONFIG CHECKPOINT`')
    try:
        found = read_json(path.read_bytes())
        verification = dict(found['verification'] or {})
        same = found['checkpoint_sha256'] == sha256_of(checkpoint)
        plainly = found['rerank'] is None and found['expansion'] is None
        adabn = found.get('adabn_by', 'domain') if found['adabn'] else None
        tested_on = f'{next(iter(found["datasets"].values()))} ({found["protocol"]})'
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is no results.json of this reidgen ({type(error).__name__}: {error}); write '
            f'it: `reidgen test CONFIG CHECKPOINT`'
        ) from error
    if results is None and not (same and plainly and adabn == adapted):
        return {}
    if not same:
        raise ValueError(f'{path} is of another checkpoint than {checkpoint}; test this one')
    if not plainly or adabn != adapted:
        what = 're-ranking or expansion' if not plainly else 'other batch-norm statistics (AdaBN)'
        raise ValueError(f'{path} was measured with {what}; test the checkpoint as it is exported')
    if verification.pop('adabn', adapted is not None) != (adapted is not None):
        verification = {}
    metrics = {
        key: value
        for key, value in found.items()
        if isinstance(value, float) and key[:3] in ('mAP', 'ran', 'mIN')
    }
    return dict(metrics=metrics, tested_on=tested_on, calibration=verification)
