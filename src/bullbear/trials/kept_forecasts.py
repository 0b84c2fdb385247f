"""The out-of-sample forecasts of a trial in a small file, named by its digest: they outlive the run that made them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd

from bullbear.files import write_whole

_LENGTH = 32


def keep_forecasts(folder: Path, forecasts: pd.DataFrame) -> str:
    """Write `p` and `y` by `decided_at`, to the last bit; returns the SHA-256 of the file."""
    decided = pd.DatetimeIndex(forecasts.index).tz_convert("UTC").as_unit("us")
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        decided_at=decided.asi8,
        p=forecasts["p"].to_numpy(dtype=np.float64),
        y=forecasts["y"].to_numpy(dtype=np.float64),
    )
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    if not _file(folder, digest).exists():
        write_whole(_file(folder, digest), buffer.getvalue())
    return digest


def read_forecasts(folder: Path, digest: str) -> pd.DataFrame | None:
    """The forecasts as they were kept; None where the file is gone or is not what the registry recorded."""
    try:
        content = _file(folder, digest).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest() != digest:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        decided = pd.DatetimeIndex(kept["decided_at"].view("datetime64[us]")).tz_localize("UTC")
        return pd.DataFrame({"p": kept["p"], "y": kept["y"]}, index=decided)


def _file(folder: Path, digest: str) -> Path:
    return folder / f"{digest[:_LENGTH]}.npz"
