"""The true probabilities of a simulated market, kept outside the store, where no factor, label or learner reads."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from bullbear.errors import NoDataError
from bullbear.files import remove_staged, write_whole


def write_truth(truth: pd.DataFrame, home: Path) -> Path:
    """Write the truth under `home/oracle`; the caller holds the store's lock."""
    place = _place(home)
    remove_staged(place.parent)
    content = io.BytesIO()
    truth.to_parquet(content, index=False)
    write_whole(place, content.getbuffer())
    return place


def read_truth(home: Path) -> pd.DataFrame:
    """The true probabilities of the simulated market in `home`: `decided` (session) and `p_up`.

    Raises
    ------
    NoDataError
        This home has no simulated market.
    """
    place = _place(home)
    if not place.exists():
        raise NoDataError("truth", str(place), "the home of a simulated market", "run `bullbear simulate` first")
    return pd.read_parquet(place)


def _place(home: Path) -> Path:
    return Path(home) / "oracle" / "truth.parquet"
