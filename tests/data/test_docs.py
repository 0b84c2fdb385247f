"""The queries of docs/data.md run as they stand, and agree with the store."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.segments import KINDS

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
QUERIES = re.findall(r"```python\n(# \w+\n.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("query", QUERIES, ids=[query.split()[1] for query in QUERIES])
def test_a_documented_query_answers_as_the_store_does(query: str, tmp_path: Path) -> None:
    assert len(QUERIES) == 4
    if "polars" in query:
        # Not among our requirements: where it is installed, TA-Lib imports it, and every forecast would wait for that.
        pytest.importorskip("polars")
    store = Store(tmp_path)
    events = pd.bdate_range("2019-12-02", "2019-12-31").as_unit("us")
    rows = pd.DataFrame({"series": "DGS10", "event_date": events, "value": np.arange(len(events)) / 8})
    rows["known_at"] = (events + pd.Timedelta(hours=45)).tz_localize("UTC")
    store.append("observations", rows)
    revised = rows.iloc[[3, 5]].assign(value=9.0, known_at=pd.DatetimeIndex(["2019-12-20", "2020-02-01"], tz="UTC"))
    store.append("observations", revised)
    store.append("observations", rows.assign(series="DGS2"))
    expected = store.as_of(pd.Timestamp("2019-12-31 21:00", tz="UTC")).observations("DGS10")["value"]
    names: dict[str, object] = {"DATA": tmp_path}
    exec(query, names)
    answer = names["answer"]
    values = answer.tolist() if isinstance(answer, pd.Series) else answer["value"].to_list()  # type: ignore[index]
    assert values == expected.tolist()
    if "bullbear" in query:
        assert names["newest"] == expected.iloc[-1]
        assert len(names["versions"]) == len(expected) + 1  # type: ignore[arg-type]


def test_every_kind_and_column_is_documented() -> None:
    for kind, layout in KINDS.items():
        line = next(line for line in TEXT.splitlines() if line.startswith(f"| `{kind}` |"))
        for column in layout.values:
            assert re.search(rf"\b{column}\b", line), (kind, column)
