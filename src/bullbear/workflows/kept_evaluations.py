"""Evaluations that were computed before: a bootstrap of two thousand draws is not made again for the same forecasts.

What is kept is named by a digest of the forecasts, of the code that scores them and of the libraries behind it, so that
a kept evaluation is the one that would be computed, to the last bit. Nothing else refers to the files: they may be
deleted at any time, and one that cannot be read or written costs only the time to compute it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate import Evaluation, evaluate
from bullbear.evaluate.reliability import CalibrationBin
from bullbear.evaluate.summary import Part
from bullbear.files import write_whole

_LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels")
_CODE = ("evaluate/**/*.py", "statistics/**/*.py", "dataset/predictions.py", "workflows/kept_evaluations.py")
_PARTS = ("by_year", "by_period", "by_asset")
_DAYS = ("first", "last")


def evaluation_of(predictions: Predictions, kept: Path | None) -> Evaluation:
    """`evaluate(predictions)`, from the folder `kept` where it holds it, and kept there otherwise."""
    if kept is None:
        return evaluate(predictions)
    path = kept / f"{_digest(predictions)}.json"
    found = _read(path)
    if found is None:
        found = evaluate(predictions)
        _keep(path, found)
    return found


def _read(path: Path) -> Evaluation | None:
    try:
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name in _DAYS:
            held[name] = pd.Timestamp(held[name]).as_unit("us")
        for name in _PARTS:
            held[name] = tuple(Part(**row) for row in held[name])
        held["calibration"] = tuple(CalibrationBin(**row) for row in held["calibration"])
        return Evaluation(**held)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, found: Evaluation) -> None:
    held = asdict(found) | {name: getattr(found, name).isoformat() for name in _DAYS}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(held, default=lambda number: number.item()))
    except OSError:
        return  # a home that cannot be written is evaluated all the same


def _digest(predictions: Predictions) -> str:
    digest = hashlib.sha256(_way().encode())
    for name, column in predictions.table.items():
        digest.update(str(name).encode())
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            digest.update(column.astype("int64").to_numpy().tobytes())
        elif pd.api.types.is_numeric_dtype(column.dtype):
            digest.update(f"{column.dtype}".encode() + column.to_numpy().tobytes())
        else:
            codes, texts = pd.factorize(column)
            digest.update(codes.tobytes() + json.dumps([str(text) for text in texts]).encode())
    return digest.hexdigest()[:40]


@cache
def _way() -> str:
    """How forecasts are scored: the code and the libraries."""
    digest = hashlib.sha256(" ".join(f"{name}=={version(name)}" for name in _LIBRARIES).encode())
    package = Path(__file__).parents[1]
    for pattern in _CODE:
        for path in sorted(package.glob(pattern)):
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
