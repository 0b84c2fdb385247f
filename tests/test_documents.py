"""What JSON is given for what pandas, numpy and dataclasses hold."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.documents import json_ready


@dataclass(frozen=True)
class _Record:
    day: pd.Timestamp
    values: tuple[float, ...]


def test_numpy_pandas_and_missing_values() -> None:
    found = json_ready(
        {1: [np.float64(0.5), np.int64(3), np.bool_(True)], "t": pd.Timestamp("2019-12-31"), "n": float("nan")}
    )
    assert found == {"1": [0.5, 3, True], "t": "2019-12-31T00:00:00", "n": None}
    assert json.dumps(found, allow_nan=False)
    assert json_ready({"a": np.float64("nan"), "b": pd.NaT, "c": pd.NA, "d": float("inf")}) == dict.fromkeys("abcd")


def test_records_with_instants_or_days() -> None:
    record = _Record(pd.Timestamp("2019-12-31 21:00", tz="UTC"), (1.0, float("-inf")))
    assert json_ready([record]) == [{"day": "2019-12-31T21:00:00+00:00", "values": [1.0, None]}]
    assert json_ready(record, days=True) == {"day": "2019-12-31", "values": [1.0, None]}
